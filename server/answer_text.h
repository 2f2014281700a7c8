#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/stop_matcher.h"
#include "tokenizer/stream_decoder.h"

namespace puna {

// Code points of well-formed UTF-8.
inline size_t CountCharacters(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

// The text of one answer, from the bytes of its tokens: whole characters only, cut at the first stop string.
class AnswerText {
 public:
  // REQUIRES: no stop string is empty.
  explicit AnswerText(std::vector<std::string> stops) : matcher_(std::move(stops)) {}

  // The bytes of the next token; returns the text that can be sent now.
  std::string Push(std::string_view token_bytes) { return Match(decoder_.Push(token_bytes)); }
  // No token follows; returns the rest.
  std::string Finish() {
    std::string rest = Match(decoder_.Finish());
    const std::string held = matcher_.Finish();
    sent_ += CountCharacters(held);
    return rest + held;
  }
  // True once a stop string was found: the answer ends, whatever tokens follow.
  bool stopped() const { return matcher_.matched(); }
  const std::string& stop() const { return matcher_.match(); }  // that string

  // Characters so far, including those not let out yet: where in the text the next token begins. A token that
  // goes on with an unfinished character begins where that does.
  size_t characters() const { return characters_; }
  size_t sent() const { return sent_; }  // of them, let out
  bool holds_back() const { return decoder_.holds_back() || matcher_.holds_back(); }

 private:
  std::string Match(const std::string& text) {
    characters_ += CountCharacters(text);
    std::string out = matcher_.Push(text);
    sent_ += CountCharacters(out);
    return out;
  }

  StreamDecoder decoder_;
  StopMatcher matcher_;
  size_t characters_ = 0;
  size_t sent_ = 0;
};

}  // namespace puna
