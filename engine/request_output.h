#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "engine/base/blocking_queue.h"
#include "engine/token_stream.h"

namespace puna {

// What stands between the engine thread and one TokenStream. The engine never waits for the reader: the queue
// holds what a slow one has not read, at most the request's tokens and one end.
class RequestOutput {
 public:
  RequestOutput() { timings_.submitted = std::chrono::steady_clock::now(); }

  // Engine thread. What is delivered, the end too, is seen by a reader that waits once WakeReader is called.
  void Deliver(TokenEvent event) { events_.TryPushQuietly(std::move(event)); }
  void NoteStarted();
  void NoteFirstToken(std::chrono::steady_clock::time_point when);
  void SetCachedTokens(int tokens) { cached_tokens_.store(tokens, std::memory_order_relaxed); }
  // Nothing may be delivered afterwards.
  void End(FinishReason reason, std::string message = {});
  // Any thread.
  void WakeReader() { events_.WakeOne(); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  // The reader's thread.
  std::optional<TokenEvent> TryNext();
  std::optional<TokenEvent> NextUntil(std::chrono::steady_clock::time_point deadline);
  TokenEvent Next();
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  int cached_tokens() const { return cached_tokens_.load(std::memory_order_relaxed); }
  RequestTimings timings() const;

 private:
  std::optional<TokenEvent> RememberEnd(std::optional<TokenEvent> event);

  BlockingQueue<TokenEvent> events_;
  std::atomic<bool> cancelled_{false};
  std::atomic<int> cached_tokens_{0};
  std::optional<TokenEvent> end_;  // the reader's alone: the end, once it was read

  mutable std::mutex mu_;
  RequestTimings timings_;  // guarded by mu_
};

}  // namespace puna
