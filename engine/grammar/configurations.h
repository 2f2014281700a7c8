#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/grammar/pushdown_automaton.h"

namespace puna {

// A pushdown automaton made deterministic where it is walked: a configuration is the set of all places the
// automaton can be in after some input, each with what is still to be returned to. Equal ones are one, and
// the step from one to the next is computed once; then it is a look into a table.
//
// What a configuration leads to depends on it alone, never on what was asked before. Two bounds keep hostile
// grammars from taking all memory, and cut the same however a configuration is reached: rules nested more
// than kMaxDepth levels are not entered, and what would be in more than kMaxPlaces places at once leads
// nowhere.
//
// Not thread-safe.
class Configurations {
 public:
  using Id = int32_t;
  static constexpr Id kDead = -1;
  static constexpr int kMaxDepth = 1000;
  static constexpr size_t kMaxPlaces = 16'384;

  explicit Configurations(std::shared_ptr<const PushdownAutomaton> automaton);
  Configurations(const Configurations&) = delete;
  Configurations& operator=(const Configurations&) = delete;

  Id start() const { return start_; }

  // Where one input leads, or kDead, and what finding that costs: a function of the step alone, in places
  // looked at.
  struct Step {
    Id next;
    uint32_t cost;
  };
  // REQUIRES: from is not kDead.
  Step Take(Id from, PushdownAutomaton::InputClass input_class) {
    const Step known = steps_[static_cast<size_t>(from) * classes_ + input_class];
    return known.next != kUnknown ? known : FindStep(from, input_class);
  }
  Id Next(Id from, PushdownAutomaton::InputClass input_class) { return Take(from, input_class).next; }

  // What was read so far is whole.
  bool Accepts(Id id) const { return At(id).accepts; }
  // It can also go on.
  bool GoesOn(Id id) const { return At(id).count > 0; }
  size_t Places(Id id) const { return At(id).count; }

  size_t size() const { return entries_.size(); }
  size_t MemoryBytes() const;

  // Forgets all but `kept`, and returns what those are called now, in their order.
  std::vector<Id> KeepOnly(std::span<const Id> kept);

 private:
  static constexpr Id kUnknown = -2;
  using StateId = PushdownAutomaton::StateId;
  using FrameId = int32_t;
  static constexpr FrameId kBottom = -1;
  static constexpr int32_t kReturn = -1;

  // What is to be done when a rule ends: go on at a state (count is kReturn), or go on with the repetition
  // `where`, which has then been done `count` times.
  struct Frame {
    int32_t where;
    int32_t count;
    FrameId below;
    int32_t depth;
  };
  struct FrameHash {
    size_t operator()(const Frame& frame) const;
  };
  struct FrameEqual {
    bool operator()(const Frame& a, const Frame& b) const {
      return a.where == b.where && a.count == b.count && a.below == b.below;
    }
  };
  struct Place {
    StateId state;
    FrameId frame;
    auto operator<=>(const Place&) const = default;
  };
  struct Entry {
    size_t first;  // of its places
    uint32_t count;
    bool accepts;
  };
  struct EntryHash {
    const Configurations* all;
    size_t operator()(Id id) const;
  };
  struct EntryEqual {
    const Configurations* all;
    bool operator()(Id a, Id b) const;
  };

  const Entry& At(Id id) const { return entries_[static_cast<size_t>(id)]; }
  std::span<const Place> PlacesOf(Id id) const {
    return std::span<const Place>(places_).subspan(At(id).first, At(id).count);
  }
  void Clear();
  Step FindStep(Id from, PushdownAutomaton::InputClass input_class);
  // The configuration of the places that can be reached from `todo_` without reading.
  Id Close();
  void Visit(Place place);
  void Return(FrameId frame);
  void Repeat(int32_t repetition, int32_t count, FrameId below);
  FrameId Push(int32_t where, int32_t count, FrameId below);  // kTooDeep
  Id Intern(bool accepts);

  static constexpr FrameId kTooDeep = -2;

  const std::shared_ptr<const PushdownAutomaton> automaton_;
  const size_t classes_;
  std::vector<Frame> frames_;
  std::unordered_map<Frame, FrameId, FrameHash, FrameEqual> frame_ids_;
  std::vector<Entry> entries_;
  std::vector<Place> places_;  // of all entries
  std::vector<Step> steps_;    // [entry][input class]
  std::unordered_set<Id, EntryHash, EntryEqual> entry_ids_;
  Id start_ = kDead;

  // Of the closure that is being computed.
  std::vector<Place> todo_;
  std::unordered_set<uint64_t> seen_;
  std::vector<Place> found_;
  bool found_end_ = false;
};

}  // namespace puna
