#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/sampling/token_logprobs.h"

namespace puna {

class RequestOutput;  // the shared half: the engine writes, the stream reads (request_output.h)

enum class FinishReason {
  kStop,       // a stop token was chosen; it is not delivered
  kLength,     // max_tokens reached, or the context is full
  kCancelled,  // the reader went away or called Cancel
  kDraining,   // the engine was stopped before the answer was complete
  kDeadline,   // EngineRequest::deadline passed before the answer was complete
  kError,      // see TokenEvent::message
};
inline constexpr size_t kFinishReasons = static_cast<size_t>(FinishReason::kError) + 1;

// One of: a token, an embedding, or the end.
struct TokenEvent {
  int32_t token = -1;                  // >= 0: a token
  std::optional<FinishReason> finish;  // set: the end; nothing follows
  std::string message;                 // with kError: one line for the user
  // With a token, if the request asked for them; never with the first token of a prompt, which nothing
  // predicts.
  std::optional<TokenLogprobs> logprobs;
  bool in_prompt = false;        // the token stands in the prompt (see EngineRequest::prompt_logprobs)
  std::vector<float> embedding;  // not empty: no token, but what EngineRequest::embed_from asks for
};

// When things happened to one request; nothing for what has not happened.
struct RequestTimings {
  using TimePoint = std::chrono::steady_clock::time_point;
  TimePoint submitted;
  std::optional<TimePoint> started;      // its first rows were scheduled: the wait in the queue is over
  std::optional<TimePoint> first_token;  // of the answer
  std::optional<TimePoint> finished;
};

// One request's output, in order: tokens, then exactly one end. Owned by one thread (the HTTP thread that
// submitted). Destruction cancels: the engine frees the request's rows and KV blocks before its next step.
class TokenStream {
 public:
  explicit TokenStream(std::shared_ptr<RequestOutput> output);
  ~TokenStream();
  TokenStream(TokenStream&&) noexcept;
  TokenStream& operator=(TokenStream&&) noexcept;

  // The next event if it has arrived; never waits. After the end it keeps returning the end.
  std::optional<TokenEvent> TryNext();
  // Waits for the next event at most until `deadline`; nothing when it passes. After the end it keeps
  // returning the end.
  std::optional<TokenEvent> NextUntil(std::chrono::steady_clock::time_point deadline);
  // Waits as long as it takes.
  TokenEvent Next();

  // The end follows what is already delivered. No effect after the end.
  void Cancel();

  // Prompt tokens that were found in the prefix cache; known once the first token or the end has arrived.
  int cached_tokens() const;

  RequestTimings timings() const;

 private:
  std::shared_ptr<RequestOutput> output_;
};

}  // namespace puna
