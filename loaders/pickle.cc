#include "loaders/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "engine/base/error.h"
#include "loaders/byte_reader.h"
#include "loaders/load_error.h"
#include "loaders/pickle_opcodes.h"

namespace puna {
namespace {

using Kind = PickleNode::Kind;

struct KnownGlobal {
  std::string_view module;
  std::string_view name;
  std::string_view full;
  PickleGlobal tag;
};

// Exact pairs, never a prefix: scanners that trusted whole packages have been walked around through them.
constexpr std::array<KnownGlobal, 6> kGlobals{{
    {"collections", "OrderedDict", "collections.OrderedDict", PickleGlobal::kOrderedDict},
    {"torch._utils", "_rebuild_tensor_v2", "torch._utils._rebuild_tensor_v2", PickleGlobal::kRebuildTensor},
    {"torch._utils", "_rebuild_parameter", "torch._utils._rebuild_parameter",
     PickleGlobal::kRebuildParameter},
    {"torch", "BFloat16Storage", "torch.BFloat16Storage", PickleGlobal::kBFloat16Storage},
    {"torch", "HalfStorage", "torch.HalfStorage", PickleGlobal::kHalfStorage},
    {"torch", "FloatStorage", "torch.FloatStorage", PickleGlobal::kFloatStorage},
}};

}  // namespace

// The stack machine. One instance reads one pickle.
class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> pickle, const PickleLimits& limits)
      : bytes_(pickle), limits_(limits) {}

  PickleDocument Run() {
    if (bytes_.size() > limits_.bytes) {
      throw FormatError(fmt::format("pickle of {} bytes, at most {} are read", bytes_.size(), limits_.bytes));
    }
    if (bytes_.empty() || Byte(0) != static_cast<uint8_t>(PickleOp::kProto)) {
      throw FormatError("pickle does not start with PROTO; expected protocol 2, 3 or 4");
    }
    while (!stopped_) {
      op_offset_ = at_;
      opcode_ = 0;
      if (at_ >= bytes_.size()) throw FormatError(fmt::format("pickle ends at offset {} without STOP", at_));
      if (++opcodes_ > limits_.opcodes) Fail(fmt::format("more than {} opcodes", limits_.opcodes));
      opcode_ = Byte(at_++);
      Step();
    }
    if (at_ != bytes_.size()) Fail(fmt::format("{} bytes follow", bytes_.size() - at_));
    return std::move(document_);
  }

 private:
  [[noreturn]] void Fail(std::string_view what) const {
    throw FormatError(fmt::format("pickle offset {}, {}: {}", op_offset_, DescribePickleOp(opcode_), what));
  }

  uint8_t Byte(size_t offset) const { return std::to_integer<uint8_t>(bytes_[offset]); }

  void Step() {
    switch (static_cast<PickleOp>(opcode_)) {
      case PickleOp::kProto:
        return Proto();
      case PickleOp::kFrame:
        static_cast<void>(Argument<uint64_t>());
        return;
      case PickleOp::kStop:
        return Stop();
      case PickleOp::kMark:
        return Mark();
      case PickleOp::kNone:
        return PushLeaf(Kind::kNone, 0);
      case PickleOp::kNewTrue:
        return PushLeaf(Kind::kBool, 1);
      case PickleOp::kNewFalse:
        return PushLeaf(Kind::kBool, 0);
      case PickleOp::kBinInt:
        return PushLeaf(Kind::kInt, static_cast<int32_t>(Argument<uint32_t>()));
      case PickleOp::kBinInt1:
        return PushLeaf(Kind::kInt, Argument<uint8_t>());
      case PickleOp::kBinInt2:
        return PushLeaf(Kind::kInt, Argument<uint16_t>());
      case PickleOp::kLong1:
        return Long1();
      case PickleOp::kBinUnicode:
        return PushText(TextArgument(Argument<uint32_t>()));
      case PickleOp::kShortBinUnicode:
        return PushText(TextArgument(Argument<uint8_t>()));
      case PickleOp::kEmptyTuple:
        return PushSequence(Kind::kTuple, 0);
      case PickleOp::kTuple1:
        return PushSequence(Kind::kTuple, 1);
      case PickleOp::kTuple2:
        return PushSequence(Kind::kTuple, 2);
      case PickleOp::kTuple3:
        return PushSequence(Kind::kTuple, 3);
      case PickleOp::kTuple:
        return PushSequence(Kind::kTuple, PopMark());
      case PickleOp::kEmptyDict:
        return Push(NewNode(Kind::kDict));
      case PickleOp::kSetItem:
        return SetItems(2);
      case PickleOp::kSetItems:
        return SetItems(PopMark());
      case PickleOp::kGlobal:
        return Global();
      case PickleOp::kStackGlobal:
        return StackGlobal();
      case PickleOp::kBinPersId:
        return PersistentId();
      case PickleOp::kReduce:
        return Reduce();
      case PickleOp::kBuild:
        return Build();
      case PickleOp::kBinPut:
        return Put(Argument<uint8_t>());
      case PickleOp::kLongBinPut:
        return Put(Argument<uint32_t>());
      case PickleOp::kMemoize:
        return Put(memoized_);
      case PickleOp::kBinGet:
        return Get(Argument<uint8_t>());
      case PickleOp::kLongBinGet:
        return Get(Argument<uint32_t>());
    }
    Fail("is not an opcode that a checkpoint of tensors needs; nothing in a model file is executed");
  }

  // --- arguments
  // -----------------------------------------------------------------------------------------------

  template <typename UInt>
  UInt Argument() {
    if (bytes_.size() - at_ < sizeof(UInt)) Fail("its argument is cut short by the end of the pickle");
    const UInt value = ReadLittleEndian<UInt>(bytes_, at_);
    at_ += sizeof(UInt);
    return value;
  }

  std::string_view TextArgument(size_t size) {
    if (size > bytes_.size() - at_)
      Fail(fmt::format("a text of {} bytes, {} are left", size, bytes_.size() - at_));
    const std::string_view text = AsText(bytes_.subspan(at_, size));
    at_ += size;
    return text;
  }

  std::string_view Line() {
    const std::string_view rest = AsText(bytes_.subspan(at_));
    const size_t size = rest.find('\n');
    if (size == std::string_view::npos) Fail("its name has no end");
    at_ += size + 1;
    return rest.substr(0, size);
  }

  // --- nodes and the stack
  // -------------------------------------------------------------------------------------

  PickleId NewNode(Kind kind) {
    const PickleId id = static_cast<PickleId>(document_.nodes_.size());
    document_.nodes_.push_back({.kind = kind, .offset = static_cast<uint32_t>(op_offset_)});
    return id;
  }

  PickleNode& At(PickleId id) { return document_.nodes_[id]; }

  void Push(PickleId id) {
    if (stack_.size() >= limits_.stack) Fail(fmt::format("more than {} values on the stack", limits_.stack));
    stack_.push_back(id);
  }

  // Values above the last mark: an opcode must not reach below it.
  size_t Available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  void Require(size_t count) const {
    if (Available() < count) Fail(fmt::format("needs {} values, {} are on the stack", count, Available()));
  }

  PickleId Pop() {
    Require(1);
    const PickleId id = stack_.back();
    stack_.pop_back();
    return id;
  }

  void Mark() {
    if (marks_.size() >= limits_.stack) Fail(fmt::format("more than {} marks", limits_.stack));
    marks_.push_back(stack_.size());
  }

  // Removes the last mark; returns how many values lie above it.
  size_t PopMark() {
    if (marks_.empty()) Fail("there is no mark");
    const size_t count = Available();
    marks_.pop_back();
    return count;
  }

  void PushLeaf(Kind kind, int64_t number) {
    const PickleId id = NewNode(kind);
    At(id).number = number;
    Push(id);
  }

  void PushText(std::string_view text) {
    const PickleId id = NewNode(Kind::kString);
    At(id).text = text;
    Push(id);
  }

  void PushGlobal(std::string_view module, std::string_view name) {
    for (const KnownGlobal& known : kGlobals) {
      if (known.module != module || known.name != name) continue;
      const PickleId id = NewNode(Kind::kGlobal);
      At(id).global = known.tag;
      return Push(id);
    }
    const std::string full = Printable(module) + "." + Printable(name);
    if (module == "torch" && name.ends_with("Storage")) {
      Fail(fmt::format("{} is not supported; expected bf16, f16 or f32 tensors", full));
    }
    Fail(fmt::format("'{}' is not in the closed list of names of a checkpoint; it is not executed", full));
  }

  uint8_t DepthAbove(std::span<const PickleId> items) {
    uint8_t depth = 0;
    for (const PickleId id : items) depth = std::max(depth, At(id).depth);
    if (depth >= limits_.nesting) Fail(fmt::format("more than {} levels of nesting", limits_.nesting));
    return static_cast<uint8_t>(depth + 1);
  }

  // Replaces the top `count` values by one node that lists them.
  void PushSequence(Kind kind, size_t count) {
    Require(count);
    const std::span<const PickleId> items = std::span(stack_).last(count);
    const uint8_t depth = DepthAbove(items);
    const PickleId id = NewNode(kind);
    At(id).depth = depth;
    At(id).first = static_cast<uint32_t>(document_.items_.size());
    At(id).count = static_cast<uint32_t>(count);
    document_.items_.insert(document_.items_.end(), items.begin(), items.end());
    stack_.resize(stack_.size() - count);
    Push(id);
  }

  // --- opcodes with a meaning of their own
  // ---------------------------------------------------------------------

  void Proto() {
    if (op_offset_ != 0) Fail("only allowed at the start");
    const uint8_t protocol = Argument<uint8_t>();
    if (protocol < 2 || protocol > 4) Fail(fmt::format("protocol {}, expected 2, 3 or 4", protocol));
  }

  void Stop() {
    if (!marks_.empty()) Fail("a mark is left open");
    if (stack_.size() != 1) Fail(fmt::format("expected one value on the stack, found {}", stack_.size()));
    document_.root_ = stack_.back();
    stopped_ = true;
  }

  void Long1() {
    const size_t size = Argument<uint8_t>();
    if (size > 8) Fail(fmt::format("a number of {} bytes, at most 8 are read", size));
    if (size > bytes_.size() - at_) Fail("its argument is cut short by the end of the pickle");
    uint64_t bits = 0;
    for (size_t i = 0; i < size; ++i) bits |= static_cast<uint64_t>(Byte(at_ + i)) << (8 * i);
    const bool negative = size > 0 && (Byte(at_ + size - 1) & 0x80) != 0;
    if (negative && size < 8) bits |= ~uint64_t{0} << (8 * size);
    at_ += size;
    PushLeaf(Kind::kInt, static_cast<int64_t>(bits));
  }

  void SetItems(size_t count) {
    if (count % 2 != 0) Fail("keys and values do not pair up");
    Require(count + 1);
    const size_t first = stack_.size() - count;
    const PickleId dict = stack_[first - 1];
    if (At(dict).kind != Kind::kDict) Fail(fmt::format("expected a dict, found {}", Name(At(dict).kind)));
    // A dict may already lie inside others, so their depth can lag; nothing here or in the readers recurses.
    At(dict).depth = std::max(At(dict).depth, DepthAbove(std::span(stack_).last(count)));
    for (size_t i = first; i < stack_.size(); i += 2) AppendEntry(At(dict), stack_[i], stack_[i + 1]);
    stack_.resize(first);
  }

  void AppendEntry(PickleNode& dict, PickleId key, PickleId value) {
    const uint32_t index = static_cast<uint32_t>(document_.entries_.size());
    document_.entries_.push_back({.key = key, .value = value});
    if (dict.entry_count == 0) {
      dict.first_entry = index;
    } else {
      document_.entries_[dict.last_entry].next = index;
    }
    dict.last_entry = index;
    ++dict.entry_count;
  }

  void Global() {
    const std::string_view module = Line();
    const std::string_view name = Line();
    PushGlobal(module, name);
  }

  void StackGlobal() {
    const PickleNode name = At(Pop());
    const PickleNode module = At(Pop());
    if (name.kind != Kind::kString || module.kind != Kind::kString)
      Fail("expected two texts: module and name");
    PushGlobal(module.text, name.text);
  }

  void PersistentId() {
    const PickleId id = Pop();
    if (At(id).kind != Kind::kTuple)
      Fail(fmt::format("expected a storage's tuple, found {}", Name(At(id).kind)));
    Push(id);
    PushSequence(Kind::kStorage, 1);
  }

  void Reduce() {
    const PickleId arguments = Pop();
    const PickleNode callable = At(Pop());
    if (callable.kind != Kind::kGlobal)
      Fail(fmt::format("expected a known name, found {}", Name(callable.kind)));
    if (At(arguments).kind != Kind::kTuple) {
      Fail(fmt::format("expected a tuple of arguments, found {}", Name(At(arguments).kind)));
    }
    switch (callable.global) {
      case PickleGlobal::kOrderedDict:
        if (At(arguments).count != 0)
          Fail("an OrderedDict with arguments; expected an empty one that is filled later");
        return Push(NewNode(Kind::kDict));
      case PickleGlobal::kRebuildTensor:
        Push(arguments);
        return PushSequence(Kind::kTensor, 1);
      case PickleGlobal::kRebuildParameter:
        return RebuildParameter(At(arguments));
      case PickleGlobal::kBFloat16Storage:
      case PickleGlobal::kHalfStorage:
      case PickleGlobal::kFloatStorage:
        break;
    }
    Fail(fmt::format("{} is a storage type, it takes no arguments", Name(callable.global)));
  }

  // A parameter is its tensor; requires_grad and the hooks say nothing about numbers.
  void RebuildParameter(const PickleNode& arguments) {
    const std::span<const PickleId> items = document_.Items(arguments);
    if (items.size() != 3 || At(items[0]).kind != Kind::kTensor) {
      Fail(fmt::format("_rebuild_parameter: expected (tensor, requires_grad, hooks), found {} values",
                       items.size()));
    }
    Push(items[0]);
  }

  // State set on a state_dict is its _metadata (module versions): read and dropped.
  void Build() {
    const PickleId state = Pop();
    Require(1);
    if (At(stack_.back()).kind != Kind::kDict || At(state).kind != Kind::kDict) {
      Fail(fmt::format("expected a dict as the state of a dict, found {} as the state of {}",
                       Name(At(state).kind), Name(At(stack_.back()).kind)));
    }
  }

  // A slot number above the count of opcodes cannot come from a real pickler; it would only cost memory.
  void Put(uint32_t slot) {
    Require(1);
    if (slot > opcodes_) Fail(fmt::format("memo slot {} after {} opcodes", slot, opcodes_));
    if (slot >= memo_.size()) memo_.resize(slot + size_t{1}, kUnset);
    if (memo_[slot] == kUnset) ++memoized_;
    memo_[slot] = stack_.back();
  }

  void Get(uint32_t slot) {
    if (slot >= memo_.size() || memo_[slot] == kUnset) Fail(fmt::format("memo slot {} is empty", slot));
    Push(memo_[slot]);
  }

  static constexpr PickleId kUnset = UINT32_MAX;

  const std::span<const std::byte> bytes_;
  const PickleLimits limits_;
  PickleDocument document_;
  std::vector<PickleId> stack_;
  std::vector<size_t> marks_;  // stack heights
  std::vector<PickleId> memo_;
  uint32_t memoized_ = 0;  // slots in use
  uint32_t opcodes_ = 0;
  size_t at_ = 0;
  size_t op_offset_ = 0;
  uint8_t opcode_ = 0;
  bool stopped_ = false;
};

PickleDocument ReadPickle(std::span<const std::byte> pickle, const PickleLimits& limits) {
  return PickleMachine(pickle, limits).Run();
}

std::string_view Name(PickleNode::Kind kind) {
  switch (kind) {
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return "a bool";
    case Kind::kInt:
      return "a number";
    case Kind::kString:
      return "a text";
    case Kind::kTuple:
      return "a tuple";
    case Kind::kDict:
      return "a dict";
    case Kind::kGlobal:
      return "a type or function";
    case Kind::kStorage:
      return "a storage";
    case Kind::kTensor:
      return "a tensor";
  }
  return "?";
}

std::string_view Name(PickleGlobal global) {
  for (const KnownGlobal& known : kGlobals) {
    if (known.tag == global) return known.full;
  }
  return "?";
}

}  // namespace puna
