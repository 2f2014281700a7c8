#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace puna::test {

// One entry, and every way in which its headers can lie.
struct ZipSpec {
  std::string name{};
  std::string data{};
  uint16_t flags = 0;
  uint16_t method = 0;
  bool zip64 = false;                       // sizes and offset in the zip64 extra field
  std::optional<std::string> local_name{};  // when the local header says another name
  std::optional<uint16_t> local_flags{};
  std::optional<uint16_t> local_method{};
  std::optional<uint64_t> local_size{};
  std::optional<uint64_t> central_size{};          // compressed and uncompressed
  std::optional<uint64_t> central_uncompressed{};  // uncompressed only
  std::optional<uint64_t> central_offset{};
  std::optional<std::string> central_extra{};
  uint16_t central_disk = 0;
  uint32_t align = 64;  // of the data, by an extra field in the local header as torch.save does; 0: none
};

// The end records, and how they can lie.
struct ZipEnd {
  bool zip64 = false;
  std::string comment{};
  std::string behind{};               // bytes after everything
  std::string between{};              // bytes between the directory and the end records
  std::optional<uint16_t> entries{};  // of the short record
  std::optional<uint16_t> entries_here{};
  std::optional<uint16_t> disk{};
  std::optional<uint32_t> directory_size{};
  std::optional<uint32_t> directory_offset{};
  std::optional<uint64_t> entries64{};
  std::optional<uint64_t> entries64_here{};
  std::optional<uint64_t> directory_size64{};
  std::optional<uint64_t> directory_offset64{};
  std::optional<uint64_t> record_size64{};
  std::optional<uint32_t> disk64{};
  std::optional<uint64_t> locator_offset{};
  std::optional<uint32_t> locator_disks{};
};

// The bytes of the archive. Checksums are zero: the reader under test computes none.
std::string BuildZip(const std::vector<ZipSpec>& entries, const ZipEnd& end = {});

}  // namespace puna::test
