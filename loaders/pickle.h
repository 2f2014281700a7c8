#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace puna {

// The part of Python's pickle format (protocols 2 to 4) that torch.save uses for a dict of tensors. A pickle
// is a program; this machine knows a closed list of opcodes and a closed list of (module, name) pairs, looks
// nothing up, calls nothing, and only fills the nodes below. Everything else is an error that names the
// opcode and its offset.

// The names a checkpoint may mention. Each is a tag, compared as a whole; none is ever resolved.
enum class PickleGlobal : uint8_t {
  kOrderedDict,       // collections.OrderedDict
  kRebuildTensor,     // torch._utils._rebuild_tensor_v2
  kRebuildParameter,  // torch._utils._rebuild_parameter
  kBFloat16Storage,   // torch.BFloat16Storage
  kHalfStorage,       // torch.HalfStorage
  kFloatStorage,      // torch.FloatStorage
};

using PickleId = uint32_t;  // index of a node in its document

struct PickleNode {
  enum class Kind : uint8_t {
    kNone,
    kBool,     // number
    kInt,      // number
    kString,   // text
    kTuple,    // items
    kDict,     // entries; also an OrderedDict
    kGlobal,   // global
    kStorage,  // a persistent id; items are its one tuple
    kTensor,   // items are the arguments tuple of _rebuild_tensor_v2
  };
  static constexpr uint32_t kNoEntry = UINT32_MAX;

  Kind kind = Kind::kNone;
  uint8_t depth = 1;  // levels of containers below and including this node, when it was built
  PickleGlobal global{};
  uint32_t offset = 0;  // of the opcode that made it, in the pickle
  int64_t number = 0;
  std::string_view text{};          // into the pickle's bytes
  uint32_t first = 0;               // tuple, storage, tensor: first item
  uint32_t count = 0;               // tuple, storage, tensor: items
  uint32_t first_entry = kNoEntry;  // dict: a chain through entries, in insertion order
  uint32_t last_entry = kNoEntry;
  uint32_t entry_count = 0;
};

// What a pickle describes. Nodes refer to each other by index, so it is destroyed without recursion whatever
// the shape. Views point into the pickle's bytes, which must outlive it.
class PickleDocument {
 public:
  struct Entry {
    PickleId key = 0;
    PickleId value = 0;
    uint32_t next = PickleNode::kNoEntry;
  };

  const PickleNode& root() const { return node(root_); }
  const PickleNode& node(PickleId id) const { return nodes_[id]; }
  // Empty for kinds that have no items.
  std::span<const PickleId> Items(const PickleNode& node) const {
    return std::span(items_).subspan(node.first, node.count);
  }
  // Walks a dict: for (uint32_t e = dict.first_entry; e != PickleNode::kNoEntry; e = document.entry(e).next)
  const Entry& entry(uint32_t index) const { return entries_[index]; }

 private:
  friend class PickleMachine;
  std::vector<PickleNode> nodes_;
  std::vector<PickleId> items_;
  std::vector<Entry> entries_;
  PickleId root_ = 0;
};

// Bounds on what a pickle may ask for. Llama 3.1 405B's data.pkl has about 0.2 MB and 60,000 opcodes.
struct PickleLimits {
  size_t bytes = 16u << 20;
  uint32_t opcodes = 1'000'000;
  size_t stack = 100'000;
  uint8_t nesting = 8;
};

// Runs the program to its STOP. Throws FormatError.
PickleDocument ReadPickle(std::span<const std::byte> pickle, const PickleLimits& limits = {});

std::string_view Name(PickleNode::Kind kind);  // "a tuple"
std::string_view Name(PickleGlobal global);    // "torch._utils._rebuild_tensor_v2"

}  // namespace puna
