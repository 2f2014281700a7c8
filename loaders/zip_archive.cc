#include "loaders/zip_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "engine/base/error.h"
#include "loaders/byte_reader.h"
#include "loaders/checked_math.h"
#include "loaders/load_error.h"

namespace puna {
namespace {

// APPNOTE sections 4.3.7, 4.3.12, 4.3.14, 4.3.15, 4.3.16: signature and fixed size of each record.
constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kCentralSignature = 0x02014b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kLocator64Signature = 0x07064b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr size_t kLocalSize = 30;
constexpr size_t kCentralSize = 46;
constexpr size_t kEnd64Size = 56;
constexpr size_t kLocator64Size = 20;
constexpr size_t kEndSize = 22;

constexpr uint16_t kZip64ExtraId = 0x0001;
constexpr uint16_t kFlagEncrypted = 1u << 0;
constexpr uint16_t kFlagSizesFollow = 1u << 3;  // sizes stand in a descriptor behind the data
constexpr uint16_t kFlagPatch = 1u << 5;
constexpr uint16_t kFlagStrongEncryption = 1u << 6;
constexpr uint16_t kFlagMaskedHeader = 1u << 13;
constexpr uint16_t kSaturated16 = 0xffff;
constexpr uint32_t kSaturated32 = 0xffffffff;

using Bytes = std::span<const std::byte>;

uint16_t U16(Bytes bytes, size_t offset) { return ReadLittleEndian<uint16_t>(bytes, offset); }
uint32_t U32(Bytes bytes, size_t offset) { return ReadLittleEndian<uint32_t>(bytes, offset); }
uint64_t U64(Bytes bytes, size_t offset) { return ReadLittleEndian<uint64_t>(bytes, offset); }

// Where the central directory lies, after both end records agree.
struct Directory {
  uint64_t entries = 0;
  uint64_t offset = 0;
  uint64_t size = 0;
};

// One row of the central directory with its ZIP64 fields filled in.
struct CentralEntry {
  std::string_view name;
  uint16_t flags = 0;
  uint16_t method = 0;
  uint64_t stored_size = 0;
  uint64_t size = 0;
  uint64_t header_offset = 0;
};

struct Placed {
  ZipEntry entry;
  uint64_t begin = 0;  // of the local header
  uint64_t end = 0;    // of the data
};

std::string Quoted(std::string_view name) { return "'" + Printable(name) + "'"; }

// Searches backwards for the end record whose comment reaches exactly to the end of the file.
size_t FindEndRecord(Bytes file) {
  if (file.size() >= kEndSize) {
    const size_t last = file.size() - kEndSize;
    const size_t first = last > 0xffff ? last - 0xffff : 0;
    for (size_t at = last;; --at) {
      if (U32(file, at) == kEndSignature && U16(file, at + 20) == last - at) return at;
      if (at == first) break;
    }
  }
  if (file.size() >= 4 && U32(file, 0) == kLocalSignature) {
    throw FormatError(
        fmt::format("is a zip archive whose directory is missing at its end: {} bytes look like a download "
                    "that stopped early or a "
                    "file with bytes appended; download it again",
                    file.size()));
  }
  throw FormatError(fmt::format("is not a zip archive: {} bytes without a zip end record", file.size()));
}

Directory ReadEnd64Record(Bytes file, size_t locator) {
  const uint64_t at = U64(file, locator + 8);
  if (U32(file, locator + 4) != 0 || U32(file, locator + 16) > 1) {
    throw FormatError("is one part of a split zip archive; expected a single file");
  }
  if (!RangeFits(at, kEnd64Size, locator) || U32(file, at) != kEnd64Signature) {
    throw FormatError(
        fmt::format("zip64 locator at offset {} points to {}, where no zip64 end record is", locator, at));
  }
  if (U32(file, at + 16) != 0 || U32(file, at + 20) != 0) {
    throw FormatError("is one part of a split zip archive; expected a single file");
  }
  // The record's own size counts from behind its size field; it must end where the locator starts.
  const uint64_t record_size = U64(file, at + 4);
  if (record_size != locator - at - 12) {
    throw FormatError(fmt::format("zip64 end record at offset {}: expected size {}, found {}", at,
                                  locator - at - 12, record_size));
  }
  if (U64(file, at + 24) != U64(file, at + 32)) {
    throw FormatError("zip64 end record: entry counts of the disk and of the archive differ");
  }
  const Directory found{
      .entries = U64(file, at + 32), .offset = U64(file, at + 48), .size = U64(file, at + 40)};
  if (!RangeFits(found.offset, found.size, at) || found.offset + found.size != at) {
    throw FormatError(
        fmt::format("zip directory at offset {} of {} bytes does not end at the zip64 end record at {}",
                    found.offset, found.size, at));
  }
  return found;
}

// A field of the short record must be saturated or equal to its 64-bit twin; otherwise two readers see two
// archives.
void CheckShortTwin(std::string_view what, uint64_t short_value, uint64_t saturated, uint64_t value) {
  if (short_value != saturated && short_value != value) {
    throw FormatError(fmt::format("zip end records disagree: {} is {} in one and {} in the other", what,
                                  short_value, value));
  }
}

Directory ReadDirectoryPlace(Bytes file) {
  const size_t end = FindEndRecord(file);
  const uint16_t disk = U16(file, end + 4);
  const uint16_t directory_disk = U16(file, end + 6);
  const uint16_t entries_here = U16(file, end + 8);
  const Directory brief{
      .entries = U16(file, end + 10), .offset = U32(file, end + 16), .size = U32(file, end + 12)};

  if (end >= kLocator64Size && U32(file, end - kLocator64Size) == kLocator64Signature) {
    const Directory found = ReadEnd64Record(file, end - kLocator64Size);
    CheckShortTwin("the number of entries", brief.entries, kSaturated16, found.entries);
    CheckShortTwin("the directory's size", brief.size, kSaturated32, found.size);
    CheckShortTwin("the directory's offset", brief.offset, kSaturated32, found.offset);
    return found;
  }
  if (disk != 0 || directory_disk != 0 || entries_here != brief.entries) {
    throw FormatError("is one part of a split zip archive; expected a single file");
  }
  if (brief.entries == kSaturated16 || brief.size == kSaturated32 || brief.offset == kSaturated32) {
    throw FormatError("zip end record asks for zip64 records, and there are none");
  }
  if (brief.offset + brief.size != end) {
    throw FormatError(
        fmt::format("zip directory at offset {} of {} bytes does not end at the end record at {}",
                    brief.offset, brief.size, end));
  }
  return brief;
}

// Replaces saturated 32-bit fields by the ones of the ZIP64 extra field, which holds exactly those, in this
// order.
void ApplyZip64Extra(Bytes extra, CentralEntry& entry) {
  size_t at = 0;
  bool seen = false;
  while (extra.size() - at >= 4) {
    const uint16_t id = U16(extra, at);
    const size_t size = U16(extra, at + 2);
    at += 4;
    if (size > extra.size() - at) {
      throw FormatError(
          fmt::format("zip entry {}: an extra field is longer than its room", Quoted(entry.name)));
    }
    if (id == kZip64ExtraId) {
      if (std::exchange(seen, true)) {
        throw FormatError(fmt::format("zip entry {}: two zip64 extra fields", Quoted(entry.name)));
      }
      const Bytes field = extra.subspan(at, size);
      size_t used = 0;
      for (uint64_t* value : {&entry.size, &entry.stored_size, &entry.header_offset}) {
        if (*value != kSaturated32) continue;
        if (field.size() - used < 8) {
          throw FormatError(fmt::format("zip entry {}: zip64 extra field is too short", Quoted(entry.name)));
        }
        *value = U64(field, used);
        used += 8;
      }
    }
    at += size;
  }
  const bool saturated =
      entry.size == kSaturated32 || entry.stored_size == kSaturated32 || entry.header_offset == kSaturated32;
  if (saturated && !seen) {
    throw FormatError(fmt::format("zip entry {}: zip64 extra field is missing", Quoted(entry.name)));
  }
}

// Reads the row at the start of `rows` and removes it from there.
CentralEntry TakeCentralEntry(Bytes& rows, uint64_t number) {
  if (rows.size() < kCentralSize || U32(rows, 0) != kCentralSignature) {
    throw FormatError(fmt::format("zip directory: entry {} is cut short or has a wrong signature", number));
  }
  const size_t name_size = U16(rows, 28);
  const size_t extra_size = U16(rows, 30);
  const size_t row_size = kCentralSize + name_size + extra_size + U16(rows, 32);
  if (row_size > rows.size()) {
    throw FormatError(fmt::format("zip directory: entry {} is longer than the directory", number));
  }
  CentralEntry entry{.name = AsText(rows.subspan(kCentralSize, name_size)),
                     .flags = U16(rows, 8),
                     .method = U16(rows, 10),
                     .stored_size = U32(rows, 20),
                     .size = U32(rows, 24),
                     .header_offset = U32(rows, 42)};
  const uint16_t disk = U16(rows, 34);
  if (disk != 0)
    throw FormatError(
        fmt::format("zip entry {} lies on another disk of a split archive", Quoted(entry.name)));
  ApplyZip64Extra(rows.subspan(kCentralSize + name_size, extra_size), entry);
  rows = rows.subspan(row_size);
  return entry;
}

void RefuseUnreadable(const CentralEntry& entry) {
  if (entry.name.empty() || entry.name.find('\0') != std::string_view::npos) {
    throw FormatError(
        fmt::format("zip entry {}: a name must be neither empty nor hold a zero byte", Quoted(entry.name)));
  }
  if ((entry.flags & (kFlagEncrypted | kFlagStrongEncryption | kFlagMaskedHeader)) != 0) {
    throw FormatError(fmt::format("zip entry {} is encrypted", Quoted(entry.name)));
  }
  if ((entry.flags & kFlagPatch) != 0)
    throw FormatError(fmt::format("zip entry {} is a patch", Quoted(entry.name)));
  if (entry.method != 0) {
    throw FormatError(
        fmt::format("zip entry {} is compressed (method {}); expected stored data as torch.save writes it: "
                    "was the file zipped again, or is it TorchScript?",
                    Quoted(entry.name), entry.method));
  }
  if (entry.size != entry.stored_size) {
    throw FormatError(fmt::format("zip entry {} is stored, yet its sizes differ: {} and {}",
                                  Quoted(entry.name), entry.stored_size, entry.size));
  }
}

// A local size may be absent (zero, told later by a descriptor), in the ZIP64 extra field, or equal to the
// directory's.
bool LocalSizeAgrees(uint32_t local, uint16_t flags, uint64_t size) {
  return local == size || local == kSaturated32 || (local == 0 && (flags & kFlagSizesFollow) != 0);
}

Placed Locate(Bytes file, uint64_t directory_offset, const CentralEntry& entry) {
  const uint64_t at = entry.header_offset;
  if (!RangeFits(at, kLocalSize, directory_offset) || U32(file, at) != kLocalSignature) {
    throw FormatError(fmt::format("zip entry {}: no local header at offset {}", Quoted(entry.name), at));
  }
  const Bytes header = file.subspan(at, kLocalSize);
  const uint64_t name_size = U16(header, 26);
  const uint64_t data = at + kLocalSize + name_size + U16(header, 28);
  if (!RangeFits(data, entry.size, directory_offset)) {
    throw FormatError(fmt::format("zip entry {}: {} bytes at offset {} reach past the directory at {}",
                                  Quoted(entry.name), entry.size, data, directory_offset));
  }
  const uint16_t flags = U16(header, 6);
  const std::string_view name = AsText(file.subspan(at + kLocalSize, name_size));
  if (name != entry.name) {
    throw FormatError(
        fmt::format("zip entry {}: its local header says {}", Quoted(entry.name), Quoted(name)));
  }
  if (flags != entry.flags || U16(header, 8) != entry.method ||
      !LocalSizeAgrees(U32(header, 18), flags, entry.stored_size) ||
      !LocalSizeAgrees(U32(header, 22), flags, entry.size)) {
    throw FormatError(fmt::format(
        "zip entry {}: local header and directory disagree about flags, method or size", Quoted(entry.name)));
  }
  return {.entry = {entry.name, file.subspan(data, entry.size)}, .begin = at, .end = data + entry.size};
}

void RefuseOverlap(std::span<const Placed> placed) {
  std::vector<size_t> order(placed.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return placed[a].begin < placed[b].begin; });
  for (size_t i = 1; i < order.size(); ++i) {
    const Placed& before = placed[order[i - 1]];
    const Placed& after = placed[order[i]];
    if (after.begin < before.end) {
      throw FormatError(fmt::format("zip entries {} and {} overlap at offset {}", Quoted(before.entry.name),
                                    Quoted(after.entry.name), after.begin));
    }
  }
}

}  // namespace

ZipArchive::ZipArchive(Bytes file) {
  const Directory directory = ReadDirectoryPlace(file);
  if (directory.entries > kMaxEntries) {
    throw FormatError(
        fmt::format("zip directory: {} entries, at most {} are read", directory.entries, kMaxEntries));
  }
  Bytes rows = file.subspan(directory.offset, directory.size);
  std::vector<Placed> placed;
  for (uint64_t number = 0; number < directory.entries; ++number) {
    const CentralEntry entry = TakeCentralEntry(rows, number);
    RefuseUnreadable(entry);
    placed.push_back(Locate(file, directory.offset, entry));
    entries_.push_back(placed.back().entry);
  }
  if (!rows.empty())
    throw FormatError(fmt::format("zip directory: {} bytes behind its last entry", rows.size()));
  RefuseOverlap(placed);

  by_name_.resize(entries_.size());
  std::iota(by_name_.begin(), by_name_.end(), size_t{0});
  std::sort(by_name_.begin(), by_name_.end(),
            [&](size_t a, size_t b) { return entries_[a].name < entries_[b].name; });
  for (size_t i = 1; i < by_name_.size(); ++i) {
    const std::string_view name = entries_[by_name_[i]].name;
    if (entries_[by_name_[i - 1]].name == name) {
      throw FormatError(fmt::format("zip entry {} occurs twice", Quoted(name)));
    }
  }
}

const ZipEntry* ZipArchive::Find(std::string_view name) const {
  const auto at =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [&](size_t index, std::string_view wanted) { return entries_[index].name < wanted; });
  if (at == by_name_.end() || entries_[*at].name != name) return nullptr;
  return &entries_[*at];
}

}  // namespace puna
