#pragma once

#include <cstddef>
#include <string_view>

namespace puna {

// Zeroed memory aligned for vector loads (64 bytes; 2 MiB with a request for huge pages when it is that
// large). Pages take up memory only once they are touched. Move-only.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Throws Error("cannot allocate <bytes> bytes for <purpose>").
  AlignedBuffer(size_t bytes, std::string_view purpose);
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }  // bytes

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
  void* mapping_ = nullptr;
  size_t mapping_size_ = 0;
};

}  // namespace puna
