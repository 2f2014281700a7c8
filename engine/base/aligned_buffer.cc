#include "engine/base/aligned_buffer.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "engine/base/error.h"

namespace puna {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kLarge = 2 * kHugePage;  // from here on pages come straight from the kernel

constexpr size_t RoundUp(size_t n, size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

std::byte* AllocateSmall(size_t bytes) {
  void* memory = std::aligned_alloc(kAlignment, RoundUp(bytes, kAlignment));
  if (memory != nullptr) std::memset(memory, 0, bytes);
  return static_cast<std::byte*>(memory);
}

// Maps one huge page more than needed and gives back what lies before and after the aligned part.
std::byte* AllocateLarge(size_t bytes) {
  const size_t wanted = RoundUp(bytes, kHugePage);
  void* mapping =
      mmap(nullptr, wanted + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return nullptr;
  auto* first = static_cast<std::byte*>(mapping);
  const size_t misaligned = reinterpret_cast<uintptr_t>(first) % kHugePage;
  const size_t before = misaligned == 0 ? 0 : kHugePage - misaligned;
  if (before > 0) munmap(first, before);
  if (before < kHugePage) munmap(first + before + wanted, kHugePage - before);
  madvise(first + before, wanted, MADV_HUGEPAGE);  // a wish; works without
  return first + before;
}

}  // namespace

AlignedBuffer::AlignedBuffer(size_t bytes, std::string_view what) { Grow(bytes, what); }

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  if (this != &other) {
    Free();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void AlignedBuffer::Grow(size_t bytes, std::string_view what) {
  if (bytes <= size_) return;
  std::byte* grown = nullptr;
  if (bytes <= SIZE_MAX - 2 * kHugePage) grown = bytes < kLarge ? AllocateSmall(bytes) : AllocateLarge(bytes);
  if (grown == nullptr) throw Error(fmt::format("cannot allocate {} bytes for {}", bytes, what));
  Free();
  data_ = grown;
  size_ = bytes;
}

void AlignedBuffer::Free() {
  if (size_ >= kLarge) {
    munmap(data_, RoundUp(size_, kHugePage));
  } else {
    std::free(data_);
  }
  data_ = nullptr;
  size_ = 0;
}

}  // namespace puna
