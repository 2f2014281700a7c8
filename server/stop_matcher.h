#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace puna {

// Ends a text where the first of some stop strings is complete, and lets nothing out that may still become
// the beginning of one: it holds back the longest end of the text that begins a stop string. The result does
// not depend on how the text is cut into pieces. Of two stop strings complete at the same byte the longer
// counts.
//
// One Knuth-Morris-Pratt automaton per stop string: linear in the text, whatever the strings.
class StopMatcher {
 public:
  // REQUIRES: no string is empty.
  explicit StopMatcher(std::vector<std::string> stops);

  // Appends `text`; returns what can be let out now. After a match: "", always.
  std::string Push(std::string_view text);
  // The text ends here: what was held back.
  std::string Finish();

  bool matched() const { return matched_; }
  // The stop string that ended the text; "" if none did.
  const std::string& match() const { return match_; }
  // Whether some text may still become the beginning of a stop string.
  bool holds_back() const { return taken_ < held_.size(); }

 private:
  struct Automaton {
    std::string stop;
    std::vector<size_t> fallback;  // [i]: longest proper prefix of stop that ends stop[0..i]
    size_t state = 0;              // bytes of `stop` that end the text
  };

  // What has come and was not given out, but for the last `keep` bytes.
  std::string TakeBut(size_t keep);

  std::vector<Automaton> automata_;
  std::string held_;
  size_t taken_ = 0;  // bytes at the front of held_ that have left
  bool matched_ = false;
  std::string match_;
};

}  // namespace puna
