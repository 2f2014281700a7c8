#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace puna {

// What the answers to one request came to, for its log line and the metrics: numbers, no text. Written by the
// thread that answers, read by others once it is done.
struct AnswerFigures {
  enum class End {
    kNoAnswer,    // nothing was asked of the engine
    kComplete,    // every answer ended as its request wants
    kClientGone,  // what follows: the answers were cancelled, all that ran at once
    kDeadline,
    kShutdown,
    kFailed,
  };

  End end = End::kNoAnswer;
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of the prompt tokens
  int64_t completion_tokens = 0;
  std::optional<std::chrono::steady_clock::time_point> first_token;  // of any answer
};

}  // namespace puna
