#include "loaders/pth_checkpoint.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "engine/base/error.h"
#include "loaders/byte_reader.h"
#include "loaders/file_kind.h"
#include "loaders/load_error.h"
#include "loaders/tensor_records.h"
#include "loaders/zip_archive.h"

namespace puna {
namespace {

// The archive's name in front of every record, e.g. "consolidated.00/"; found by its data.pkl.
std::string FindPrefix(const ZipArchive& archive) {
  constexpr std::string_view kDataPkl = "data.pkl";
  std::optional<std::string> prefix;
  for (const ZipEntry& entry : archive.entries()) {
    if (!entry.name.ends_with(kDataPkl)) continue;
    const std::string_view before = entry.name.substr(0, entry.name.size() - kDataPkl.size());
    if (!before.empty() && !before.ends_with('/')) continue;
    if (prefix) throw FormatError("holds two data.pkl records; expected the archive of one torch.save");
    prefix = before;
  }
  if (!prefix)
    throw FormatError("is a zip archive without a data.pkl record; expected one written by torch.save");
  if (archive.Find(*prefix + "constants.pkl") != nullptr) {
    throw FormatError(
        "is a TorchScript program (it has constants.pkl); expected tensors written by torch.save");
  }
  return *prefix;
}

void CheckByteOrder(const ZipArchive& archive, const std::string& prefix) {
  const ZipEntry* record = archive.Find(prefix + "byteorder");
  if (record == nullptr) return;
  const std::string_view order = AsText(record->data);
  if (order != "little") {
    throw FormatError(fmt::format("its byte order is '{}', expected 'little'", Printable(order, 20)));
  }
}

TensorView Bind(const ZipArchive& archive, const std::string& prefix, const TensorRecord& record) {
  const std::string name = Printable(record.name);
  const std::string storage = fmt::format("{}data/{}", prefix, record.storage_key);
  const ZipEntry* entry = archive.Find(storage);
  if (entry == nullptr) {
    throw FormatError(
        fmt::format("tensor '{}': its storage '{}' is not in the archive", name, Printable(storage)));
  }
  const uint64_t width = SizeOf(record.dtype);
  const uint64_t expected =
      static_cast<uint64_t>(record.storage_size) * width;  // cannot overflow: checked with 8
  if (entry->data.size() != expected) {
    throw FormatError(fmt::format("tensor '{}': storage '{}' has {} bytes, expected {} ({} elements of {})",
                                  name, Printable(storage), entry->data.size(), expected, record.storage_size,
                                  Name(record.dtype)));
  }
  TensorView view{.dtype = record.dtype,
                  .shape = record.shape,
                  .strides = record.strides,
                  .data = entry->data.data() + static_cast<uint64_t>(record.storage_offset) * width};
  if (!view.IsContiguous()) {
    throw FormatError(fmt::format(
        "tensor '{}': shape {} with strides [{}] is not contiguous; save it again after .contiguous()", name,
        view.ShapeString(), fmt::join(record.strides, ", ")));
  }
  if (reinterpret_cast<uintptr_t>(view.data) % width != 0) {
    throw FormatError(fmt::format(
        "tensor '{}': its bytes are not aligned to {}; torch.save aligns them to 64", name, width));
  }
  return view;
}

}  // namespace

std::vector<NamedTensor> ReadPthCheckpoint(std::span<const std::byte> file) {
  constexpr std::string_view kZipSignature = "PK\x03\x04";
  if (!AsText(file).starts_with(kZipSignature)) {
    if (const auto kind = RecogniseForeignFile(file)) throw FormatError(*kind);
  }
  const ZipArchive archive(file);
  const std::string prefix = FindPrefix(archive);
  CheckByteOrder(archive, prefix);
  std::vector<NamedTensor> tensors;
  for (const TensorRecord& record : ReadTensorRecords(archive.Find(prefix + "data.pkl")->data)) {
    tensors.push_back({.name = std::string(record.name), .view = Bind(archive, prefix, record)});
  }
  return tensors;
}

}  // namespace puna
