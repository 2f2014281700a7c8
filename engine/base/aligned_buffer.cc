#include "engine/base/aligned_buffer.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdint>
#include <limits>
#include <utility>

#include "engine/base/error.h"

namespace puna {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

AlignedBuffer::AlignedBuffer(size_t bytes, std::string_view purpose) {
  if (bytes == 0) return;
  const bool huge = bytes >= kHugePage;
  // mmap aligns to small pages only: ask for one huge page more and begin at a boundary inside.
  const size_t slack = huge ? kHugePage : 0;
  void* mapping = MAP_FAILED;
  if (bytes <= std::numeric_limits<size_t>::max() / 2) {
    mapping = mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  }
  if (mapping == MAP_FAILED) throw Error(fmt::format("cannot allocate {} bytes for {}", bytes, purpose));
  mapping_ = mapping;
  mapping_size_ = bytes + slack;
  auto address = reinterpret_cast<uintptr_t>(mapping);
  if (huge) {
    address = (address + kHugePage - 1) & ~(kHugePage - 1);
    madvise(reinterpret_cast<void*>(address), bytes, MADV_HUGEPAGE);  // advice: a refusal changes nothing
  }
  data_ = reinterpret_cast<std::byte*>(address);
  size_ = bytes;
}

AlignedBuffer::~AlignedBuffer() {
  if (mapping_ != nullptr) munmap(mapping_, mapping_size_);
}

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept { *this = std::move(other); }

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapping_, other.mapping_);
  std::swap(mapping_size_, other.mapping_size_);
  return *this;
}

}  // namespace puna
