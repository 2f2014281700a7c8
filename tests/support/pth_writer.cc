#include "tests/support/pth_writer.h"

#include <array>
#include <string_view>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "tests/support/pickle_builder.h"

namespace puna::test {
namespace {

constexpr uint16_t kFlags = 0x0808;  // sizes follow the data; names are UTF-8
constexpr uint64_t kAlignment = 64;
constexpr uint64_t kSaturated = 0xffffffff;

void Put(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    out.push_back(i < 8 ? static_cast<char>((value >> (8 * i)) & 0xff) : '\0');
  }
}

using CrcTables = std::array<std::array<uint32_t, 256>, 8>;

// tables[k][b]: the effect of byte b with k zero bytes behind it, so that eight bytes are taken at once.
CrcTables MakeCrcTables() {
  CrcTables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < tables.size(); ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

std::string DescribeTensors(const std::vector<PthTensor>& tensors) {
  std::vector<PickledTensor> pickled;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const PthTensor& tensor = tensors[i];
    pickled.push_back({.name = tensor.name,
                       .storage_type = std::string(StorageType(tensor.dtype)),
                       .key = std::to_string(tensor.shares >= 0 ? static_cast<size_t>(tensor.shares) : i),
                       .storage_size = static_cast<int64_t>(tensor.Bytes() / SizeOf(tensor.dtype)),
                       .offset = 0,
                       .shape = tensor.shape,
                       .strides = {}});
  }
  return PickleTensors(pickled);
}

}  // namespace

uint32_t Crc32(std::span<const std::byte> bytes, uint32_t crc) {
  static const CrcTables tables = MakeCrcTables();
  const auto at = [&](size_t i) { return std::to_integer<uint32_t>(bytes[i]); };
  crc = ~crc;
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    const uint32_t low = crc ^ (at(i) | at(i + 1) << 8 | at(i + 2) << 16 | at(i + 3) << 24);
    crc = tables[7][low & 0xff] ^ tables[6][(low >> 8) & 0xff] ^ tables[5][(low >> 16) & 0xff] ^
          tables[4][low >> 24] ^ tables[3][at(i + 4)] ^ tables[2][at(i + 5)] ^ tables[1][at(i + 6)] ^
          tables[0][at(i + 7)];
  }
  for (; i < bytes.size(); ++i) crc = (crc >> 8) ^ tables[0][(crc ^ at(i)) & 0xff];
  return ~crc;
}

uint64_t PthTensor::Bytes() const {
  uint64_t count = SizeOf(dtype);
  for (const int64_t extent : shape) count *= static_cast<uint64_t>(extent);
  return count;
}

PthWriter::PthWriter(const std::filesystem::path& path, std::vector<PthTensor> tensors,
                     std::string archive_name)
    : path_(path), out_(path, std::ios::binary | std::ios::trunc), tensors_(std::move(tensors)) {
  prefix_ = std::move(archive_name) + "/";
  if (!out_) throw Error(Printable(path.string(), 1000) + ": cannot be created");
  WriteRecord("data.pkl", DescribeTensors(tensors_));
  WriteRecord("byteorder", "little");
  BeginNextStorage();
}

void PthWriter::Append(std::span<const std::byte> bytes) {
  CHECK(storage_open_ && bytes.size() <= remaining_)
      << bytes.size() << " bytes, " << remaining_ << " expected";
  Write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  entries_.back().crc = Crc32(bytes, entries_.back().crc);
  remaining_ -= bytes.size();
  if (remaining_ == 0) BeginNextStorage();
}

void PthWriter::SkipStorage() {
  CHECK(storage_open_ && remaining_ == entries_.back().size) << remaining_ << " bytes left";
  out_.seekp(static_cast<std::streamoff>(remaining_), std::ios::cur);
  position_ += remaining_;
  remaining_ = 0;
  BeginNextStorage();
}

// Closes the storage that is complete and opens the next one that has bytes.
void PthWriter::BeginNextStorage() {
  if (storage_open_) EndEntry();
  storage_open_ = false;
  while (next_storage_ < tensors_.size() && !storage_open_) {
    if (tensors_[next_storage_].shares >= 0) {
      ++next_storage_;
      continue;
    }
    const uint64_t size = tensors_[next_storage_].Bytes();
    BeginEntry("data/" + std::to_string(next_storage_++), size);
    remaining_ = size;
    storage_open_ = size > 0;
    if (size == 0) EndEntry();
  }
}

void PthWriter::WriteRecord(const std::string& name, std::string_view data) {
  BeginEntry(name, data.size());
  Write(data);
  entries_.back().crc = Crc32(std::as_bytes(std::span(data.data(), data.size())));
  EndEntry();
}

void PthWriter::BeginEntry(const std::string& name, uint64_t size) {
  CHECK(size < kSaturated) << "a storage of 4 GiB or more: " << size;
  entries_.push_back({.name = prefix_ + name, .offset = position_, .size = size});
  const std::string& full = entries_.back().name;
  const uint64_t unpadded = position_ + 30 + full.size() + 4;
  const uint64_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
  std::string header;
  Put(header, 0x04034b50, 4);
  Put(header, 0, 2);
  Put(header, kFlags, 2);
  Put(header, 0, 2 + 4 + 4 + 4 + 4);  // method, time and date, crc, sizes
  Put(header, full.size(), 2);
  Put(header, 4 + padding, 2);
  header += full + "FB";
  Put(header, padding, 2);
  header.append(padding, 'Z');
  Write(header);
}

void PthWriter::EndEntry() {
  const Entry& entry = entries_.back();
  std::string descriptor;
  Put(descriptor, 0x08074b50, 4);
  Put(descriptor, entry.crc, 4);
  Put(descriptor, entry.size, 4);
  Put(descriptor, entry.size, 4);
  Write(descriptor);
}

void PthWriter::Finish() {
  CHECK(!storage_open_ && next_storage_ == tensors_.size())
      << "storage " << next_storage_ << " is incomplete";
  WriteRecord("version", "3\n");
  const uint64_t directory = position_;
  for (const Entry& entry : entries_) {
    const bool far = entry.offset >= kSaturated;
    std::string row;
    Put(row, 0x02014b50, 4);
    Put(row, 0, 4);
    Put(row, kFlags, 2);
    Put(row, 0, 2 + 4);  // method, time and date
    Put(row, entry.crc, 4);
    Put(row, entry.size, 4);
    Put(row, entry.size, 4);
    Put(row, entry.name.size(), 2);
    Put(row, far ? 12 : 0, 2);
    Put(row, 0, 2 + 2 + 2 + 4);  // comment, disk, attributes
    Put(row, far ? kSaturated : entry.offset, 4);
    row += entry.name;
    if (far) {
      Put(row, 1, 2);
      Put(row, 8, 2);
      Put(row, entry.offset, 8);
    }
    Write(row);
  }
  const uint64_t end64 = position_;
  const uint64_t size = end64 - directory;
  std::string end;
  Put(end, 0x06064b50, 4);
  Put(end, 44, 8);
  Put(end, 0x002d031e, 4);  // versions
  Put(end, 0, 4 + 4);
  for (const uint64_t value : {uint64_t{entries_.size()}, uint64_t{entries_.size()}, size, directory})
    Put(end, value, 8);
  Put(end, 0x07064b50, 4);
  Put(end, 0, 4);
  Put(end, end64, 8);
  Put(end, 1, 4);
  Put(end, 0x06054b50, 4);
  Put(end, 0, 4);
  Put(end, entries_.size(), 2);
  Put(end, entries_.size(), 2);
  Put(end, size, 4);
  Put(end, directory < kSaturated ? directory : kSaturated, 4);
  Put(end, 0, 2);
  Write(end);
  out_.close();
  if (!out_) throw Error(Printable(path_.string(), 1000) + ": cannot be written to its end");
}

void PthWriter::Write(std::string_view bytes) {
  out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out_) throw Error(Printable(path_.string(), 1000) + ": cannot be written (is the disk full?)");
  position_ += bytes.size();
}

}  // namespace puna::test
