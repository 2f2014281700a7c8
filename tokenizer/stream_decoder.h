#pragma once

#include <string>
#include <string_view>

namespace puna {

// Puts the bytes of successive tokens together and lets out only whole UTF-8 characters, so that an emoji
// that arrives byte by byte leaves at once and whole. Bytes that can never become a character become U+FFFD,
// one per maximal ill-formed subsequence (Unicode 15, section 3.9, the practice browsers follow).
class StreamDecoder {
 public:
  // Appends `bytes`; returns the characters completed by them ("" if none).
  std::string Push(std::string_view bytes);
  // The end: an unfinished character becomes U+FFFD.
  std::string Finish();
  // Whether the beginning of a character is held back.
  bool holds_back() const { return !pending_.empty(); }

 private:
  std::string pending_;  // at most 3 bytes: a proper prefix of a character
};

}  // namespace puna
