#pragma once

#include <cstddef>
#include <string_view>

namespace puna {

// Meta's Llama 3 pre-tokenizer: text is cut into pieces by the first alternative that matches at each place,
//
//   (?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N}{1,3} | ` ?[^\s\p{L}\p{N}]+[\r\n]*`
//   | \s*[\r\n]+ | \s+(?!\S) | \s+
//
// and each piece is merged by itself. Written by hand: a regex engine is recursive or slow on text an enemy
// may choose. Time over a whole text is linear. An ill-formed byte counts as a character that is neither
// letter, number nor space.

// Bytes of the first piece. REQUIRES: text is not empty.
size_t FirstPiece(std::string_view text);

// Meta's encode first cuts long input, because its own regex engine could not take it; token ids agree only
// if we cut alike: every 400,000 characters, and in these whenever a run of spaces, or of anything but
// spaces, reaches 25,000. Bytes of the first part. REQUIRES: text is not empty.
class LongTextCutter {
 public:
  explicit LongTextCutter(std::string_view text) : text_(text) {}
  // The next part; empty at the end.
  std::string_view Next();

 private:
  std::string_view text_;
  size_t at_ = 0;
  size_t in_window_ = 0;  // characters since the last cut at 400,000
};

}  // namespace puna
