#include "loaders/weight_residence.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "loaders/load_error.h"

// Of Linux 5.14; older headers lack it, older kernels refuse it.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace puna {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kStep = size_t{64} << 20;  // between two calls of progress

// Calls part(begin, size) for one step after another.
template <typename Part>
void InSteps(size_t size, const ResidenceProgress& progress, Part part) {
  for (size_t begin = 0; begin < size; begin += kStep) {
    const size_t bytes = std::min(kStep, size - begin);
    part(begin, bytes);
    if (progress) progress(begin + bytes);
  }
}

void* Address(const std::byte* data) { return const_cast<std::byte*>(data); }

// As much address space as the file and a huge page more, at whose end the file's pages lie like in `like`
// relative to huge pages: only then does moving them keep huge pages whole.
struct Reservation {
  std::byte* start;
  std::byte* data;
  size_t size;
};
Reservation ReserveLike(const std::byte* like, size_t size) {
  const size_t all = size + kHugePage;
  void* memory =
      ::mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return {nullptr, nullptr, all};
  auto* start = static_cast<std::byte*>(memory);
  const size_t offset = (reinterpret_cast<uintptr_t>(like) - reinterpret_cast<uintptr_t>(start)) % kHugePage;
  return {start, start + offset, all};
}

std::string LockLimit() {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return "there is no limit set";
  return fmt::format("the limit is {} bytes", limit.rlim_cur);
}

}  // namespace

void Preload(const MappedFile& file, const ResidenceProgress& progress) {
  const std::byte* data = file.bytes().data();
  InSteps(file.bytes().size(), progress, [data](size_t begin, size_t size) {
    if (::madvise(Address(data + begin), size, MADV_POPULATE_READ) == 0) return;
    for (size_t at = begin; at < begin + size; at += kPage) static_cast<void>(*(data + at));
  });
}

void CopyIntoMemory(const MappedFile& file, size_t available, const ResidenceProgress& progress) {
  const std::span<const std::byte> bytes = file.bytes();
  if (available != 0 && bytes.size() > available) {
    throw LoadError(file.path(), fmt::format("a copy in memory needs {} bytes, {} are free: serve it mapped",
                                             bytes.size(), available));
  }
  const Reservation to = ReserveLike(bytes.data(), bytes.size());
  if (to.start == nullptr)
    throw LoadError(file.path(), fmt::format("no memory for a copy of {} bytes", bytes.size()));
  // Where huge pages are turned off small ones do.
  ::madvise(to.data, bytes.size(), MADV_HUGEPAGE);
  InSteps(bytes.size(), progress,
          [&](size_t begin, size_t size) { std::memcpy(to.data + begin, bytes.data() + begin, size); });
  const size_t pages = (bytes.size() + kPage - 1) / kPage * kPage;
  bool moved = ::mprotect(to.data, pages, PROT_READ) == 0;
  moved = moved &&
          ::mremap(to.data, pages, pages, MREMAP_MAYMOVE | MREMAP_FIXED, Address(bytes.data())) != MAP_FAILED;
  const int error = errno;
  // What is left on both sides; all of it if it did not move.
  ::munmap(to.start, moved ? static_cast<size_t>(to.data - to.start) : to.size);
  if (!moved)
    throw LoadError(file.path(), fmt::format("its copy cannot take its place: {}", std::strerror(error)));
  std::byte* after = to.data + pages;
  if (after < to.start + to.size) ::munmap(after, static_cast<size_t>(to.start + to.size - after));
}

void LockInMemory(const MappedFile& file) {
  const std::span<const std::byte> bytes = file.bytes();
  // As mlock, which the sanitizers replace by nothing.
  if (::mlock2(bytes.data(), bytes.size(), 0) == 0) return;
  const int error = errno;
  throw LoadError(file.path(), fmt::format("{} bytes cannot be locked in memory: {}; {} (ulimit -l)",
                                           bytes.size(), std::strerror(error), LockLimit()));
}

}  // namespace puna
