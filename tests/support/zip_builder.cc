#include "tests/support/zip_builder.h"

namespace puna::test {
namespace {

void Put(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    out.push_back(i < 8 ? static_cast<char>((value >> (8 * i)) & 0xff) : '\0');
  }
}

std::string Zip64Extra(uint64_t uncompressed, uint64_t compressed, uint64_t offset) {
  std::string extra;
  Put(extra, 1, 2);
  Put(extra, 24, 2);
  Put(extra, uncompressed, 8);
  Put(extra, compressed, 8);
  Put(extra, offset, 8);
  return extra;
}

void AppendLocal(std::string& out, const ZipSpec& entry) {
  const std::string& name = entry.local_name.value_or(entry.name);
  const uint64_t size = entry.local_size.value_or(entry.data.size());
  std::string extra;
  if (entry.align != 0) {
    const size_t data = out.size() + 30 + name.size() + 4;
    const size_t padding = (entry.align - data % entry.align) % entry.align;
    extra = "FB";
    Put(extra, padding, 2);
    extra.append(padding, 'Z');
  }
  Put(out, 0x04034b50, 4);
  Put(out, entry.zip64 ? 45 : 0, 2);
  Put(out, entry.local_flags.value_or(entry.flags), 2);
  Put(out, entry.local_method.value_or(entry.method), 2);
  Put(out, 0, 8);  // time, date, crc
  Put(out, size, 4);
  Put(out, size, 4);
  Put(out, name.size(), 2);
  Put(out, extra.size(), 2);
  out += name + extra + entry.data;
}

void AppendCentral(std::string& out, const ZipSpec& entry, uint64_t offset) {
  const uint64_t compressed = entry.central_size.value_or(entry.data.size());
  const uint64_t uncompressed = entry.central_uncompressed.value_or(compressed);
  const uint64_t at = entry.central_offset.value_or(offset);
  std::string extra = entry.zip64 ? Zip64Extra(uncompressed, compressed, at) : "";
  if (entry.central_extra) extra = *entry.central_extra;
  Put(out, 0x02014b50, 4);
  Put(out, 0, 4);  // versions
  Put(out, entry.flags, 2);
  Put(out, entry.method, 2);
  Put(out, 0, 8);  // time, date, crc
  Put(out, entry.zip64 ? 0xffffffff : compressed, 4);
  Put(out, entry.zip64 ? 0xffffffff : uncompressed, 4);
  Put(out, entry.name.size(), 2);
  Put(out, extra.size(), 2);
  Put(out, 0, 2);  // comment
  Put(out, entry.central_disk, 2);
  Put(out, 0, 6);  // attributes
  Put(out, entry.zip64 ? 0xffffffff : at, 4);
  out += entry.name + extra;
}

void AppendEnd64(std::string& out, const ZipEnd& end, uint64_t entries, uint64_t size, uint64_t offset) {
  const uint64_t at = out.size();
  Put(out, 0x06064b50, 4);
  Put(out, end.record_size64.value_or(44), 8);
  Put(out, 0, 4);  // versions
  Put(out, end.disk64.value_or(0), 4);
  Put(out, 0, 4);
  Put(out, end.entries64_here.value_or(end.entries64.value_or(entries)), 8);
  Put(out, end.entries64.value_or(entries), 8);
  Put(out, end.directory_size64.value_or(size), 8);
  Put(out, end.directory_offset64.value_or(offset), 8);
  Put(out, 0x07064b50, 4);
  Put(out, 0, 4);
  Put(out, end.locator_offset.value_or(at), 8);
  Put(out, end.locator_disks.value_or(1), 4);
}

}  // namespace

std::string BuildZip(const std::vector<ZipSpec>& entries, const ZipEnd& end) {
  std::string out;
  std::vector<uint64_t> offsets;
  for (const ZipSpec& entry : entries) {
    offsets.push_back(out.size());
    AppendLocal(out, entry);
  }
  const uint64_t directory = out.size();
  for (size_t i = 0; i < entries.size(); ++i) AppendCentral(out, entries[i], offsets[i]);
  const uint64_t size = out.size() - directory;
  out += end.between;
  if (end.zip64) AppendEnd64(out, end, entries.size(), size, directory);
  Put(out, 0x06054b50, 4);
  Put(out, end.disk.value_or(0), 2);
  Put(out, 0, 2);
  Put(out, end.entries_here.value_or(end.entries.value_or(static_cast<uint16_t>(entries.size()))), 2);
  Put(out, end.entries.value_or(static_cast<uint16_t>(entries.size())), 2);
  Put(out, end.directory_size.value_or(static_cast<uint32_t>(size)), 4);
  Put(out, end.directory_offset.value_or(static_cast<uint32_t>(directory)), 4);
  Put(out, end.comment.size(), 2);
  return out + end.comment + end.behind;
}

}  // namespace puna::test
