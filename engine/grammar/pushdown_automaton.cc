#include "engine/grammar/pushdown_automaton.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "engine/base/check.h"
#include "engine/grammar/empty_words.h"
#include "engine/grammar/grammar_error.h"

namespace puna {

using StateId = PushdownAutomaton::StateId;
using Kind = Grammar::Kind;

// From expressions to states by Thompson's construction, one automaton per rule, and then to the flat form.
class AutomatonBuilder {
 public:
  explicit AutomatonBuilder(const Grammar& grammar) : grammar_(grammar), empty_(grammar_) {}

  void Build(PushdownAutomaton& out) {
    const RuleId root = grammar_.AddRule();
    grammar_.Define(root, grammar_.root());
    out.start_ = RuleStart(root);
    // Rules are met while others are built.
    while (!wanted_.empty()) {
      const RuleId rule = wanted_.back();
      wanted_.pop_back();
      const StateId start = rule_start_[rule];
      final_of_rule_.emplace(start, Compile(grammar_.rule(rule), start));
    }
    for (const auto& [start, final] : final_of_rule_) states_[Index(final)].final = true;
    DropUnproductive(out.start_);
    RefuseLeftRecursion();
    Flatten(out);
  }

 private:
  static constexpr int kSymbolInputs = 256;  // inputs from here on are symbols
  static constexpr size_t kInputs = kSymbolInputs + Grammar::kSymbols;
  // Expressions looked at, over and over if they are shared: a bound on time.
  static constexpr size_t kMaxVisits = 4 * PushdownAutomaton::kMaxStates;
  static constexpr size_t kMaxMoves = 8'000'000;

  struct RangeMove {
    int low;
    int high;
    StateId target;
  };
  struct State {
    std::vector<RangeMove> moves;
    std::vector<StateId> free;
    std::vector<PushdownAutomaton::Call> calls;
    std::vector<PushdownAutomaton::Repetition> repetitions;
    bool final = false;
  };

  static size_t Index(StateId state) { return static_cast<size_t>(state); }

  [[noreturn]] static void TooLarge() {
    throw GrammarError("it is too large: it needs more than " +
                       std::to_string(PushdownAutomaton::kMaxStates) + " states");
  }

  StateId AddState() {
    if (states_.size() >= PushdownAutomaton::kMaxStates) TooLarge();
    states_.emplace_back();
    return static_cast<StateId>(states_.size()) - 1;
  }

  StateId RuleStart(RuleId rule) {
    const auto [place, fresh] = rule_start_.emplace(rule, -1);
    if (fresh) {
      place->second = AddState();
      wanted_.push_back(rule);
    }
    return place->second;
  }

  // Adds what reads the expression after `from`; returns where that ends. `from` gets no edges that lead into
  // it, and only those of the expression lead out of what is added.
  StateId Compile(ExpressionId id, StateId from) {
    if (++visits_ > kMaxVisits) TooLarge();
    const Grammar::Expression e = grammar_.expression(id);
    switch (e.kind) {
      case Kind::kBytes:
        return Read(from, e.low, e.high);
      case Kind::kSymbol:
        return Read(from, kSymbolInputs + e.first, kSymbolInputs + e.first);
      case Kind::kLiteral:
        for (int32_t i = 0; i < e.count; ++i) {
          const auto byte = static_cast<uint8_t>(grammar_.literal(e)[static_cast<size_t>(i)]);
          from = Read(from, byte, byte);
        }
        return from;
      case Kind::kSequence:
        for (int32_t i = 0; i < e.count; ++i) from = Compile(grammar_.part(e, i), from);
        return from;
      case Kind::kChoice: {
        const StateId end = AddState();
        for (int32_t i = 0; i < e.count; ++i) {
          const StateId part_end = Compile(grammar_.part(e, i), from);
          states_[Index(part_end)].free.push_back(end);
        }
        return end;
      }
      case Kind::kRepeat:
        return CompileRepeat(e, from);
      case Kind::kRule: {
        const StateId start = RuleStart(e.first);
        const StateId end = AddState();
        states_[Index(from)].calls.push_back({start, end});
        return end;
      }
    }
    return from;
  }

  StateId Read(StateId from, int low, int high) {
    const StateId end = AddState();
    states_[Index(from)].moves.push_back({low, high, end});
    return end;
  }

  StateId CompileRepeat(Grammar::Expression e, StateId from) {
    const bool may_be_empty = empty_.MayBeEmpty(e.first);
    const ExpressionId repeated = may_be_empty ? empty_.Without(e.first) : e.first;
    const int32_t min = may_be_empty ? 0 : e.min;
    if (e.max == 0) return from;
    if (e.max == 1) {
      const StateId end = AddState();
      if (min == 0) states_[Index(from)].free.push_back(end);
      const StateId part_end = Compile(repeated, from);
      states_[Index(part_end)].free.push_back(end);
      return end;
    }
    if (e.max == Grammar::kUnbounded && min <= 1) {
      const StateId loop = AddState();
      states_[Index(from)].free.push_back(loop);
      const StateId again = Compile(repeated, loop);
      const StateId end = AddState();
      if (min == 0) states_[Index(loop)].free.push_back(end);
      states_[Index(again)].free.push_back(loop);
      states_[Index(again)].free.push_back(end);
      return end;
    }
    const auto [rule, fresh] = repeated_rules_.emplace(repeated, -1);
    if (fresh) {
      const RuleId made = grammar_.AddRule();
      repeated_rules_[repeated] = made;
      grammar_.Define(made, repeated);
    }
    const StateId start = RuleStart(repeated_rules_[repeated]);
    const StateId end = AddState();
    states_[Index(from)].repetitions.push_back({start, end, min, e.max});
    return end;
  }

  // Keeps the states from which the end of their rule can be reached, and the edges between them.
  void DropUnproductive(StateId root) {
    std::vector<std::vector<StateId>> before(states_.size());       // by any edge within a rule
    std::vector<std::vector<StateId>> waiting_for(states_.size());  // by start of a rule: who calls it
    std::vector<StateId> queue;
    std::vector<bool> good(states_.size(), false);  // reaches the end, given what is known so far
    const auto mark = [&](StateId state) {
      if (good[Index(state)]) return;
      good[Index(state)] = true;
      queue.push_back(state);
    };
    for (size_t i = 0; i < states_.size(); ++i) {
      const auto state = static_cast<StateId>(i);
      for (const RangeMove& move : states_[i].moves) before[Index(move.target)].push_back(state);
      for (const StateId free : states_[i].free) before[Index(free)].push_back(state);
      for (const auto& call : states_[i].calls) {
        before[Index(call.target)].push_back(state);
        waiting_for[Index(call.rule_start)].push_back(state);
      }
      for (const auto& repetition : states_[i].repetitions) {
        before[Index(repetition.target)].push_back(state);
        waiting_for[Index(repetition.rule_start)].push_back(state);
      }
      if (states_[i].final) mark(state);
    }
    const auto leads_on = [&](const State& state) {
      const auto is_good = [&](StateId id) { return good[Index(id)]; };
      return std::ranges::any_of(state.moves, [&](const RangeMove& m) { return is_good(m.target); }) ||
             std::ranges::any_of(state.free, is_good) ||
             std::ranges::any_of(state.calls,
                                 [&](const auto& c) { return is_good(c.target) && is_good(c.rule_start); }) ||
             std::ranges::any_of(state.repetitions, [&](const auto& r) {
               return is_good(r.target) && (r.min == 0 || is_good(r.rule_start));
             });
    };
    while (!queue.empty()) {
      const StateId state = queue.back();
      queue.pop_back();
      for (const auto* list : {&before[Index(state)], &waiting_for[Index(state)]})
        for (const StateId other : *list)
          if (!good[Index(other)] && leads_on(states_[Index(other)])) mark(other);
    }
    if (!good[Index(root)]) throw GrammarError("nothing satisfies it");
    for (State& state : states_) {
      const auto bad = [&](StateId id) { return !good[Index(id)]; };
      std::erase_if(state.moves, [&](const RangeMove& m) { return bad(m.target); });
      std::erase_if(state.free, bad);
      std::erase_if(state.calls, [&](const auto& c) { return bad(c.target) || bad(c.rule_start); });
      for (auto& repetition : state.repetitions)
        if (!bad(repetition.target) && bad(repetition.rule_start) && repetition.min == 0)
          state.free.push_back(repetition.target);
      std::erase_if(state.repetitions, [&](const auto& r) { return bad(r.target) || bad(r.rule_start); });
    }
  }

  // A rule that can call itself before it has read anything would call itself for ever. An edge of this graph
  // is a step that reads nothing: within a rule, into a rule, or past one that may be empty.
  void RefuseLeftRecursion() const {
    const std::vector<bool> may_be_empty = RulesThatMayBeEmpty();
    enum : uint8_t { kNew, kOpen, kDone };
    std::vector<uint8_t> seen(states_.size(), kNew);
    struct Step {
      StateId state;
      std::vector<StateId> next;  // still to be looked at
    };
    std::vector<Step> path;
    const auto enter = [&](StateId state) {
      seen[Index(state)] = kOpen;
      path.push_back({state, ReadingNothing(states_[Index(state)], may_be_empty)});
    };
    for (const auto& [rule, start] : rule_start_) {
      if (seen[Index(start)] == kNew) enter(start);
      while (!path.empty()) {
        Step& step = path.back();
        if (step.next.empty()) {
          seen[Index(step.state)] = kDone;
          path.pop_back();
          continue;
        }
        const StateId target = step.next.back();
        step.next.pop_back();
        if (seen[Index(target)] == kOpen) throw GrammarError("a rule begins with itself");
        if (seen[Index(target)] == kNew) enter(target);
      }
    }
  }

  std::vector<StateId> ReadingNothing(const State& state, const std::vector<bool>& may_be_empty) const {
    std::vector<StateId> next = state.free;
    for (const auto& call : state.calls) {
      next.push_back(call.rule_start);
      if (may_be_empty[Index(call.rule_start)]) next.push_back(call.target);
    }
    for (const auto& repetition : state.repetitions) {
      next.push_back(repetition.rule_start);
      if (repetition.min == 0) next.push_back(repetition.target);
    }
    return next;
  }

  // By the rule's first state: whether its end can be reached from there without reading.
  std::vector<bool> RulesThatMayBeEmpty() const {
    std::vector<bool> ends(states_.size(), false);  // reaches the end of its rule without reading
    std::vector<std::vector<StateId>> asks(states_.size());
    std::vector<StateId> queue;
    const auto mark = [&](size_t state) {
      if (ends[state]) return;
      ends[state] = true;
      queue.push_back(static_cast<StateId>(state));
    };
    for (size_t i = 0; i < states_.size(); ++i) {
      const auto state = static_cast<StateId>(i);
      for (const StateId free : states_[i].free) asks[Index(free)].push_back(state);
      for (const auto& call : states_[i].calls) {
        asks[Index(call.rule_start)].push_back(state);
        asks[Index(call.target)].push_back(state);
      }
      for (const auto& r : states_[i].repetitions)
        if (r.min == 0) asks[Index(r.target)].push_back(state);
      if (states_[i].final) mark(i);
    }
    while (!queue.empty()) {
      const StateId state = queue.back();
      queue.pop_back();
      for (const StateId other : asks[Index(state)]) {
        const State& s = states_[Index(other)];
        const auto ends_at = [&](StateId id) { return ends[Index(id)]; };
        if (std::ranges::any_of(s.free, ends_at) ||
            std::ranges::any_of(s.calls,
                                [&](const auto& c) { return ends_at(c.rule_start) && ends_at(c.target); }) ||
            std::ranges::any_of(s.repetitions,
                                [&](const auto& r) { return r.min == 0 && ends_at(r.target); }))
          mark(Index(other));
      }
    }
    return ends;
  }

  // From which nothing but the end of the rule can be reached.
  std::vector<bool> StatesThatOnlyEnd() const {
    std::vector<bool> only(states_.size(), false);
    std::vector<std::vector<StateId>> before(states_.size());
    std::vector<size_t> open(states_.size(), 0);  // free edges to others
    std::vector<StateId> queue;
    for (size_t i = 0; i < states_.size(); ++i) {
      const State& state = states_[i];
      open[i] = state.free.size();
      for (const StateId free : state.free) before[Index(free)].push_back(static_cast<StateId>(i));
      if (state.final && state.free.empty()) queue.push_back(static_cast<StateId>(i));
    }
    while (!queue.empty()) {
      const size_t i = Index(queue.back());
      queue.pop_back();
      const State& state = states_[i];
      if (only[i] || !state.moves.empty() || !state.calls.empty() || !state.repetitions.empty()) continue;
      only[i] = true;
      for (const StateId other : before[i])
        if (--open[Index(other)] == 0) queue.push_back(other);
    }
    return only;
  }

  void Flatten(PushdownAutomaton& out) const {
    // A class ends where any edge begins or ends.
    std::array<bool, kInputs + 1> begins{};
    begins[0] = true;
    begins[kSymbolInputs] = true;  // symbols and bytes have nothing in common
    for (const State& state : states_) {
      for (const RangeMove& move : state.moves) {
        begins[static_cast<size_t>(move.low)] = true;
        begins[static_cast<size_t>(move.high) + 1] = true;
      }
    }
    std::array<int, kInputs> class_of{};
    int last_class = -1;
    for (size_t input = 0; input < kInputs; ++input) {
      if (begins[input]) ++last_class;
      class_of[input] = last_class;
    }
    out.classes_ = static_cast<size_t>(last_class) + 1;
    for (size_t byte = 0; byte < 256; ++byte)
      out.class_of_byte_[byte] = static_cast<PushdownAutomaton::InputClass>(class_of[byte]);
    for (size_t symbol = 0; symbol < Grammar::kSymbols; ++symbol)
      out.class_of_symbol_[symbol] =
          static_cast<PushdownAutomaton::InputClass>(class_of[kSymbolInputs + symbol]);

    const std::vector<bool> only_final = StatesThatOnlyEnd();
    for (const State& state : states_) {
      PushdownAutomaton::State flat;
      const auto extent = [](size_t first, size_t end) {
        return PushdownAutomaton::Extent{static_cast<int32_t>(first), static_cast<int32_t>(end - first)};
      };
      size_t first = out.moves_.size();
      for (const RangeMove& move : state.moves) {
        for (int c = class_of[static_cast<size_t>(move.low)]; c <= class_of[static_cast<size_t>(move.high)];
             ++c)
          out.moves_.push_back({static_cast<PushdownAutomaton::InputClass>(c), move.target});
      }
      if (out.moves_.size() > kMaxMoves) TooLarge();
      flat.moves = extent(first, out.moves_.size());
      first = out.free_.size();
      out.free_.insert(out.free_.end(), state.free.begin(), state.free.end());
      flat.free = extent(first, out.free_.size());
      first = out.calls_.size();
      out.calls_.insert(out.calls_.end(), state.calls.begin(), state.calls.end());
      flat.calls = extent(first, out.calls_.size());
      first = out.repetition_indices_.size();
      for (const auto& repetition : state.repetitions) {
        out.repetition_indices_.push_back(static_cast<int32_t>(out.repetitions_.size()));
        out.repetitions_.push_back(repetition);
      }
      flat.repetitions = extent(first, out.repetition_indices_.size());
      flat.final = state.final;
      flat.only_final = only_final[out.states_.size()];
      out.states_.push_back(flat);
    }
  }

  Grammar grammar_;
  EmptyWords empty_;
  std::vector<State> states_;
  std::unordered_map<RuleId, StateId> rule_start_;
  std::unordered_map<StateId, StateId> final_of_rule_;
  std::unordered_map<ExpressionId, RuleId> repeated_rules_;
  std::vector<RuleId> wanted_;
  size_t visits_ = 0;
};

PushdownAutomaton::PushdownAutomaton(const Grammar& grammar) { AutomatonBuilder(grammar).Build(*this); }

}  // namespace puna
