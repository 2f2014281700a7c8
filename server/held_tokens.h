#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "engine/sampling/token_logprobs.h"
#include "server/answer_text.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// One token of an answer, or of a prompt that is sent back with it.
struct AnswerToken {
  TokenId id = -1;
  size_t text_offset = 0;  // the character of the text in which it begins
  bool in_prompt = false;
  std::optional<TokenLogprobs> logprobs;  // if they were asked for; none for the first token of a prompt
};

// Gives the tokens of an answer out together with the text they begin in, so that a token whose text is held
// back, or cut off by a stop string, is not told before or without it.
class HeldTokens {
 public:
  // `text_before`: characters sent before the answer itself.
  explicit HeldTokens(size_t text_before) : text_before_(text_before) {}

  // Before the bytes of the token are pushed to `text`.
  void Add(TokenId id, std::optional<TokenLogprobs> logprobs, const AnswerText& text) {
    held_.push_back({id, text_before_ + text.characters(), false, std::move(logprobs)});
  }

  // Those that can be told, given what `text` has let out.
  std::vector<AnswerToken> Take(const AnswerText& text) {
    const bool all = !text.stopped() && !text.holds_back();
    std::vector<AnswerToken> taken;
    while (!held_.empty() && (all || held_.front().text_offset < text_before_ + text.sent())) {
      taken.push_back(std::move(held_.front()));
      held_.pop_front();
    }
    return taken;
  }

 private:
  size_t text_before_;
  std::deque<AnswerToken> held_;
};

}  // namespace puna
