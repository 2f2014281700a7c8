#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "engine/request_output.h"
#include "engine/sampling/sampler.h"
#include "engine/scheduler/scheduler.h"

namespace puna {

// One request from the logits of its rows to the events of its reader. Made by the thread that submits, then
// the engine thread's alone. What a preemption makes the scheduler compute again does not come here again.
class LiveRequest {
 public:
  // The whole conversation has at most `most_tokens`. `seed` is used if the request has none.
  // REQUIRES: the prompt is not longer than most_tokens.
  LiveRequest(EngineRequest request, std::shared_ptr<RequestOutput> output, uint64_t seed,
              int64_t most_tokens);

  using TimePoint = std::chrono::steady_clock::time_point;

  // What one step did.
  struct Progress {
    int32_t token = -1;      // the answer goes on with it
    bool delivered = false;  // a token of the answer
    bool first = false;      // it was the answer's first
    double gap = 0;          // seconds from the token before it, or from Submit, to it
    std::optional<FinishReason> finish;
  };

  // Takes in the logits of its rows, [planned.n_logits, vocab_size], or their hidden states,
  // [planned.n_logits, hidden_size], which were computed at `now`, and delivers what they say. The end is the
  // caller's to deliver.
  Progress Continue(const PlannedSequence& planned, std::span<const float> logits, size_t vocab_size,
                    TimePoint now);

  RequestOutput& output() { return *output_; }
  const std::shared_ptr<RequestOutput>& shared_output() const { return output_; }
  const EngineRequest& request() const { return request_; }
  bool prompt_done() const { return prompt_done_; }

 private:
  void DeliverPrompt(const PlannedSequence& planned, std::span<const float> logits, size_t vocab_size);
  void AddHidden(const PlannedSequence& planned, std::span<const float> hidden);
  void DeliverEmbedding();
  void Deliver(int32_t token, std::span<const float> logits);
  void NoteToken(TimePoint now, Progress& progress);

  const EngineRequest request_;
  const std::shared_ptr<RequestOutput> output_;
  Sampler sampler_;
  std::optional<TokenMatcher> matcher_;
  int64_t tokens_left_;   // of the answer
  TimePoint last_token_;  // or Submit, before the first
  bool prompt_done_ = false;
  bool answer_begun_ = false;
  std::vector<double> hidden_sum_;  // of the rows so far, in ascending order of position
};

}  // namespace puna
