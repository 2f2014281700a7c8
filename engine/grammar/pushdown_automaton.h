#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/grammar/grammar.h"

namespace puna {

// A grammar made executable: states with edges that read one byte (or one symbol), edges that read nothing,
// calls of rules, and counted repetitions of rules. Immutable once made; any thread may read it.
//
// What cannot lead to an end is left out, so whoever can be in a state can also finish. Bytes that no edge
// tells apart are one class.
//
// Throws GrammarError if the grammar matches nothing at all, if a rule can begin with itself (left
// recursion), or if it needs more than kMaxStates states.
class PushdownAutomaton {
 public:
  static constexpr size_t kMaxStates = 300'000;

  using StateId = int32_t;
  using InputClass = uint16_t;

  struct Move {
    InputClass input_class;
    StateId target;
  };
  // Reads what `rule_start` reads and goes on at `target`.
  struct Call {
    StateId rule_start;
    StateId target;
  };
  // Reads that between `min` and `max` times (kUnbounded: no upper limit). What is read is never empty.
  struct Repetition {
    StateId rule_start;
    StateId target;
    int32_t min;
    int32_t max;
  };

  explicit PushdownAutomaton(const Grammar& grammar);

  StateId start() const { return start_; }
  size_t states() const { return states_.size(); }
  size_t classes() const { return classes_; }
  InputClass ClassOfByte(uint8_t byte) const { return class_of_byte_[byte]; }
  InputClass ClassOfSymbol(int symbol) const { return class_of_symbol_[static_cast<size_t>(symbol)]; }

  // The end of a rule is here.
  bool IsFinal(StateId state) const { return At(state).final; }
  // Nothing else is here: a call that would go on here may as well go on where its caller does.
  bool IsOnlyFinal(StateId state) const { return At(state).only_final; }
  bool ReadsInput(StateId state) const { return !Moves(state).empty(); }

  std::span<const Move> Moves(StateId state) const { return Slice(moves_, At(state).moves); }
  std::span<const StateId> Free(StateId state) const { return Slice(free_, At(state).free); }
  std::span<const Call> Calls(StateId state) const { return Slice(calls_, At(state).calls); }
  // Indices of repetitions.
  std::span<const int32_t> Repetitions(StateId state) const {
    return Slice(repetition_indices_, At(state).repetitions);
  }
  const Repetition& repetition(int32_t index) const { return repetitions_[static_cast<size_t>(index)]; }

 private:
  friend class AutomatonBuilder;

  struct Extent {
    int32_t first = 0;
    int32_t count = 0;
  };
  struct State {
    Extent moves, free, calls, repetitions;
    bool final = false;
    bool only_final = false;
  };

  const State& At(StateId state) const { return states_[static_cast<size_t>(state)]; }
  template <typename T>
  static std::span<const T> Slice(const std::vector<T>& all, Extent extent) {
    return std::span<const T>(all).subspan(static_cast<size_t>(extent.first),
                                           static_cast<size_t>(extent.count));
  }

  std::vector<State> states_;
  std::vector<Move> moves_;
  std::vector<StateId> free_;
  std::vector<Call> calls_;
  std::vector<int32_t> repetition_indices_;
  std::vector<Repetition> repetitions_;
  std::array<InputClass, 256> class_of_byte_{};
  std::array<InputClass, Grammar::kSymbols> class_of_symbol_{};
  size_t classes_ = 0;
  StateId start_ = 0;
};

}  // namespace puna
