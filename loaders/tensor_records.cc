#include "loaders/tensor_records.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <unordered_set>

#include "engine/base/error.h"
#include "loaders/checked_math.h"
#include "loaders/load_error.h"
#include "loaders/pickle.h"

namespace puna {
namespace {

using Kind = PickleNode::Kind;

constexpr size_t kMaxRank = 8;

// Reads one tensor's arguments; every message names the tensor and where its description stands in the
// pickle.
class RecordReader {
 public:
  RecordReader(const PickleDocument& document, std::string_view name, const PickleNode& tensor)
      : document_(document),
        name_(name),
        offset_(tensor.offset),
        arguments_(document.node(document.Items(tensor)[0])) {}

  // torch._utils._rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, hooks[, metadata])
  TensorRecord Read() {
    const std::span<const PickleId> args = document_.Items(arguments_);
    if (args.size() != 6 && args.size() != 7)
      Fail(fmt::format("expected 6 or 7 arguments, found {}", args.size()));
    TensorRecord record;
    record.name = name_;
    ReadStorage(document_.node(args[0]), record);
    record.storage_offset = Number(document_.node(args[1]), "the storage offset");
    record.shape = Numbers(document_.node(args[2]), "the shape");
    record.strides = Numbers(document_.node(args[3]), "the strides");
    if (record.shape.size() != record.strides.size()) {
      Fail(fmt::format("{} axes have {} strides", record.shape.size(), record.strides.size()));
    }
    CheckWindow(record);
    return record;
  }

 private:
  [[noreturn]] void Fail(std::string_view what) const {
    throw FormatError(fmt::format("tensor '{}' (pickle offset {}): {}", Printable(name_), offset_, what));
  }

  int64_t Number(const PickleNode& node, std::string_view what) const {
    if (node.kind != Kind::kInt) Fail(fmt::format("{} is {}, expected a number", what, Name(node.kind)));
    if (node.number < 0) Fail(fmt::format("{} is {}, expected 0 or more", what, node.number));
    return node.number;
  }

  std::vector<int64_t> Numbers(const PickleNode& node, std::string_view what) const {
    if (node.kind != Kind::kTuple) Fail(fmt::format("{} is {}, expected a tuple", what, Name(node.kind)));
    if (node.count > kMaxRank)
      Fail(fmt::format("{} has {} axes, at most {} are read", what, node.count, kMaxRank));
    std::vector<int64_t> numbers;
    for (const PickleId id : document_.Items(node)) numbers.push_back(Number(document_.node(id), what));
    return numbers;
  }

  // The persistent id ("storage", type, key, location, number of elements).
  void ReadStorage(const PickleNode& storage, TensorRecord& record) const {
    if (storage.kind != Kind::kStorage) Fail(fmt::format("expected a storage, found {}", Name(storage.kind)));
    const std::span<const PickleId> parts = document_.Items(document_.node(document_.Items(storage)[0]));
    if (parts.size() != 5) Fail(fmt::format("its storage has {} parts, expected 5", parts.size()));
    const PickleNode& tag = document_.node(parts[0]);
    const PickleNode& key = document_.node(parts[2]);
    if (tag.kind != Kind::kString || tag.text != "storage") Fail("its persistent id is not tagged 'storage'");
    if (key.kind != Kind::kString || key.text.empty()) Fail("its storage key is not a text");
    if (document_.node(parts[3]).kind != Kind::kString) Fail("its storage location is not a text");
    record.dtype = StorageType(document_.node(parts[1]));
    record.storage_key = key.text;
    record.storage_size = Number(document_.node(parts[4]), "the storage's number of elements");
  }

  DType StorageType(const PickleNode& type) const {
    if (type.kind == Kind::kGlobal) {
      if (type.global == PickleGlobal::kBFloat16Storage) return DType::kBF16;
      if (type.global == PickleGlobal::kHalfStorage) return DType::kF16;
      if (type.global == PickleGlobal::kFloatStorage) return DType::kF32;
      Fail(fmt::format("{} is not a storage type", Name(type.global)));
    }
    Fail(fmt::format("its storage type is {}", Name(type.kind)));
  }

  // The last element addressed, offset + sum((shape[i] - 1) * strides[i]), must lie in the storage. The
  // number of elements is checked too: a stride of zero could make it overflow where the window does not.
  void CheckWindow(const TensorRecord& record) const {
    std::optional<int64_t> elements = 1;
    std::optional<int64_t> last = record.storage_offset;
    bool empty = false;
    for (size_t axis = 0; axis < record.shape.size(); ++axis) {
      const int64_t extent = record.shape[axis];
      if (extent == 0) {
        empty = true;
        continue;
      }
      if (elements) elements = CheckedMul(*elements, extent);
      const std::optional<int64_t> reach = CheckedMul(extent - 1, record.strides[axis]);
      last = last && reach ? CheckedAdd(*last, *reach) : std::nullopt;
    }
    if (!elements || !last || !CheckedMul(record.storage_size, 8))
      Fail("its shape and strides overflow 64 bits");
    const bool inside = empty ? record.storage_offset <= record.storage_size : *last < record.storage_size;
    if (!inside) {
      Fail(fmt::format("it reaches element {} of a storage of {}", *last, record.storage_size));
    }
  }

  const PickleDocument& document_;
  const std::string_view name_;
  const uint32_t offset_;
  const PickleNode& arguments_;  // a tuple
};

}  // namespace

std::vector<TensorRecord> ReadTensorRecords(std::span<const std::byte> data_pkl) {
  const PickleDocument document = ReadPickle(data_pkl);
  const PickleNode& root = document.root();
  if (root.kind != Kind::kDict) {
    throw FormatError(fmt::format("expected a dict of tensors, found {}", Name(root.kind)));
  }
  std::vector<TensorRecord> records;
  std::unordered_set<std::string_view> names;
  for (uint32_t e = root.first_entry; e != PickleNode::kNoEntry; e = document.entry(e).next) {
    const PickleNode& key = document.node(document.entry(e).key);
    const PickleNode& value = document.node(document.entry(e).value);
    if (key.kind != Kind::kString || key.text.empty()) {
      throw FormatError(fmt::format("pickle offset {}: expected a tensor's name, found {}", key.offset,
                                    key.kind == Kind::kString ? "an empty text" : Name(key.kind)));
    }
    if (value.kind != Kind::kTensor) {
      throw FormatError(
          fmt::format("'{}' (pickle offset {}) is {}, expected a tensor: only a flat dict of tensors is "
                      "read, not a training state",
                      Printable(key.text), value.offset, Name(value.kind)));
    }
    if (!names.insert(key.text).second) {
      throw FormatError(fmt::format("tensor '{}' is described twice", Printable(key.text)));
    }
    records.push_back(RecordReader(document, key.text, value).Read());
  }
  if (records.empty()) throw FormatError("holds no tensors");
  return records;
}

}  // namespace puna
