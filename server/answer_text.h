#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/stop_matcher.h"
#include "tokenizer/stream_decoder.h"

namespace puna {

// The text of one answer, from the bytes of its tokens: whole characters only, cut at the first stop string.
class AnswerText {
 public:
  // REQUIRES: no stop string is empty.
  explicit AnswerText(std::vector<std::string> stops) : matcher_(std::move(stops)) {}

  // The bytes of the next token; returns the text that can be sent now.
  std::string Push(std::string_view token_bytes) { return matcher_.Push(decoder_.Push(token_bytes)); }
  // No token follows; returns the rest.
  std::string Finish() {
    std::string rest = matcher_.Push(decoder_.Finish());
    return rest + matcher_.Finish();
  }
  // True once a stop string was found: the answer ends, whatever tokens follow.
  bool stopped() const { return matcher_.matched(); }

 private:
  StreamDecoder decoder_;
  StopMatcher matcher_;
};

}  // namespace puna
