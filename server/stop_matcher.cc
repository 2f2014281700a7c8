#include "server/stop_matcher.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace puna {
namespace {

size_t Advance(const std::string& stop, const std::vector<size_t>& fallback, size_t state, char c) {
  while (state > 0 && stop[state] != c) state = fallback[state - 1];
  return stop[state] == c ? state + 1 : state;
}

}  // namespace

StopMatcher::StopMatcher(std::vector<std::string> stops) {
  for (std::string& stop : stops) {
    CHECK(!stop.empty()) << "an empty stop string ends every text";
    std::vector<size_t> fallback(stop.size(), 0);
    for (size_t i = 1; i < stop.size(); ++i) fallback[i] = Advance(stop, fallback, fallback[i - 1], stop[i]);
    automata_.push_back({std::move(stop), std::move(fallback)});
  }
}

std::string StopMatcher::Push(std::string_view text) {
  if (matched_) return "";
  for (const char c : text) {
    held_.push_back(c);
    size_t longest_match = 0;
    for (Automaton& a : automata_) {
      a.state = Advance(a.stop, a.fallback, a.state, c);
      if (a.state == a.stop.size()) longest_match = std::max(longest_match, a.state);
    }
    if (longest_match > 0) {
      matched_ = true;
      match_ = held_.substr(held_.size() - longest_match);
      return TakeBut(longest_match);
    }
  }
  size_t keep = 0;
  for (const Automaton& a : automata_) keep = std::max(keep, a.state);
  return TakeBut(keep);
}

std::string StopMatcher::Finish() { return matched_ ? "" : TakeBut(0); }

std::string StopMatcher::TakeBut(size_t keep) {
  const size_t end = held_.size() - keep;
  std::string out = held_.substr(taken_, end - taken_);
  taken_ = end;
  // Moving what is kept to the front only when it is the smaller half keeps all of this linear.
  if (taken_ > held_.size() / 2) {
    held_.erase(0, taken_);
    taken_ = 0;
  }
  return out;
}

}  // namespace puna
