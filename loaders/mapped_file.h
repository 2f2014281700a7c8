#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace puna {

// A file mapped read-only. Movable; unmapped on destruction. The size is fstat's of the very descriptor that
// is mapped.
class MappedFile {
 public:
  // Throws LoadError if it cannot be opened, is not a regular file, or is empty.
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile() = default;
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace puna
