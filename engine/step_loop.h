#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "engine/base/blocking_queue.h"
#include "engine/engine.h"
#include "engine/live_request.h"
#include "engine/reader_waker.h"
#include "engine/scheduler/scheduler.h"

namespace puna {

// What Submit hands to the engine thread.
struct SubmittedRequest {
  SequenceId id = 0;
  std::vector<int32_t> tokens;
  std::unique_ptr<LiveRequest> request;
};

// The engine thread: takes what was submitted, drops what was cancelled, then computes a step, again and
// again. With nothing to do it sleeps in the queue.
class StepLoop {
 public:
  StepLoop(LanguageModel& model, const EngineOptions& options);

  // The engine thread runs this until Close was called and nothing is left.
  void Run();

  // Any thread, as everything below.

  // Whether a prompt of so many tokens fits the KV pool if it is alone there, and the blocks it needs.
  bool Fits(int64_t tokens) const { return scheduler_.Fits(tokens); }
  int64_t BlocksFor(int64_t tokens) const { return scheduler_.BlocksFor(tokens); }

  enum class Accepted { kYes, kQueueFull, kClosed };
  Accepted Submit(std::vector<int32_t> tokens, std::unique_ptr<LiveRequest> request);

  // Nothing is accepted from now on; whatever has not ended by `stop_by` ends with kDraining. A later call
  // can only make it earlier.
  void Close(std::chrono::steady_clock::time_point stop_by);

  EngineStats stats() const;

 private:
  using Live = std::map<SequenceId, std::unique_ptr<LiveRequest>>;

  using Clock = std::chrono::steady_clock;

  void Take(SubmittedRequest submitted);
  void DropUnwanted(Clock::time_point now);
  void Step();
  void ComputeStep();
  StepOutcome Continue(const PlannedSequence& planned, std::span<const float> logits, Clock::time_point now);
  void Count(const LiveRequest::Progress& progress);
  void End(Live::iterator ended, FinishReason reason, const std::string& message = {});
  void EndAll(FinishReason reason);
  void EndRunning(const std::string& message);
  void ReadGauges();
  void Publish();

  LanguageModel& model_;
  const size_t vocab_size_;
  const size_t hidden_size_;
  const int max_queue_;

  BlockingQueue<SubmittedRequest> inbox_;
  std::atomic<Clock::time_point> stop_by_{Clock::time_point::max()};

  // The engine thread's alone, but for the constants behind Fits and BlocksFor.
  Scheduler scheduler_;
  Live live_;
  ReaderWaker waker_;
  EngineStats stats_;

  mutable std::mutex mu_;   // taken a few times per step, never held while one is computed
  EngineStats published_;   // guarded by mu_: a copy of stats_; waiting is the scheduler's alone
  int in_inbox_ = 0;        // guarded by mu_
  SequenceId next_id_ = 0;  // guarded by mu_, so that the inbox is in order of id
};

}  // namespace puna
