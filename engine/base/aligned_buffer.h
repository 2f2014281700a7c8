#pragma once

#include <cstddef>
#include <string_view>

namespace puna {

// Zeroed memory for vectors: aligned to 64 bytes, and from 4 MiB on to 2 MiB with huge pages asked for. Pages
// of large buffers are only backed by memory once touched. Move-only; moved-from is empty.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // `what` names the buffer for the error message ("KV cache"). Throws Error if there is no memory.
  AlignedBuffer(size_t bytes, std::string_view what);
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;
  ~AlignedBuffer() { Free(); }

  // Makes room for at least `bytes`. If it has to grow, the old content is gone and the new is zero; else
  // nothing happens. Throws Error, leaving the buffer as it was, if there is no memory.
  void Grow(size_t bytes, std::string_view what);

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }  // bytes

 private:
  void Free();

  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace puna
