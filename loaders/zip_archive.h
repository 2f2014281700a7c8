#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace puna {

// One stored (uncompressed) file of an archive. Both views point into the archive's bytes.
struct ZipEntry {
  std::string_view name;
  std::span<const std::byte> data;
};

// The directory of a zip archive (PKWARE APPNOTE 6.3.10, with ZIP64), read from bytes that somebody else
// keeps.
//
// Strict where leniency has let two readers disagree about one file: nothing may stand after the end record
// or between the directory and it, each local header must agree with the directory, entries may not overlap
// or share a name. Compressed, encrypted and split archives are refused by name. Checksums are not computed:
// that would read every weight, and nothing here is trusted for being unchanged.
class ZipArchive {
 public:
  static constexpr uint64_t kMaxEntries = 100'000;  // Llama 3.1 405B has some 1,200

  // Throws FormatError. Touches the end of the file, the directory and one header per entry, no data.
  explicit ZipArchive(std::span<const std::byte> file);

  std::span<const ZipEntry> entries() const { return entries_; }  // in the directory's order
  const ZipEntry* Find(std::string_view name) const;              // null if absent

 private:
  std::vector<ZipEntry> entries_;
  std::vector<size_t> by_name_;  // indices into entries_, sorted by name
};

}  // namespace puna
