#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/histogram.h"
#include "engine/grammar/token_constraint.h"
#include "engine/model/language_model.h"
#include "engine/sampling/sampling_params.h"
#include "engine/token_stream.h"

namespace puna {

struct EngineOptions {
  // Rows (tokens) computed per step over all requests, at most the model's max_rows. More raises prompt
  // throughput and the delay between tokens of running streams. Leave alone unless profiling.
  int max_rows_per_step = 128;
  // Positions one request may use, prompt and answer together.
  int max_context = 8192;
  // KV blocks in the model's pool.
  int num_kv_blocks = 0;
  // Positions in one of them: the model's constant.
  int kv_block_tokens = 32;
  // Requests that may wait for a place, beyond those running. Past it Submit refuses with kQueueFull. At
  // least 1: a request waits until the next step.
  int max_queue = 64;
  // Requests that may run at once; 0, or more than max_rows_per_step, means max_rows_per_step.
  int max_running = 0;
  // Full KV blocks are kept after use and found again by their tokens. Never changes an answer.
  bool prefix_cache = true;
};

struct EngineRequest {
  std::vector<int32_t> prompt;       // token ids, not empty, each below vocab_size
  int max_tokens = 16;               // >= 1; the answer also ends where max_context or the KV pool does
  std::vector<int32_t> stop_tokens;  // any of them ends the answer with kStop and is not delivered
  SamplingParams sampling;
  // Every token of the answer is one that it allows. The answer ends with kStop where nothing but the end may
  // follow, and with kLength if nothing at all may. REQUIRES: stop_tokens are its end tokens, and its
  // vocabulary is the model's.
  std::shared_ptr<TokenConstraint> constraint;
  // Deliver the prompt's tokens first, in order, with in_prompt set and (but for the first) logprobs. The
  // whole prompt is then computed: the prefix cache is not asked. max_tokens may be 0.
  bool prompt_logprobs = false;
  // The first step after it ends the request with kDeadline, wherever it is. By default never.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  // No answer is wanted, max_tokens is 0: the mean of the prompt's hidden states, after the model's final
  // norm, at this position and all after it is delivered, then the end with kLength. Less than the prompt's
  // tokens. REQUIRES: the model has hidden states; not with prompt_logprobs.
  std::optional<int> embed_from;
};

// Why Submit refused. what() is one line for the user, with the numbers.
class RequestRefused : public Error {
 public:
  enum class Reason { kPromptTooLong, kNeverFits, kQueueFull, kStopping };
  RequestRefused(Reason reason, const std::string& message) : Error(message), reason_(reason) {}
  Reason reason() const { return reason_; }

 private:
  Reason reason_;
};

// Up to which step sizes, and how many seconds, EngineStats counts apart.
inline constexpr std::array<double, 10> kRowBounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
inline constexpr std::array<double, 18> kLatencyBounds = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300};

// Counters since start and gauges of now, as the last step left them. Taken without waiting for a step. What
// a reader has seen of its request is counted.
struct EngineStats {
  int64_t requests_submitted = 0;
  std::array<int64_t, kFinishReasons> requests_finished{};  // by FinishReason
  int64_t prompt_tokens = 0;                                // computed or found cached
  int64_t cached_tokens = 0;                                // of those, found in the prefix cache
  int64_t generated_tokens = 0;
  int64_t steps = 0;
  int64_t rows = 0;  // tokens computed, over all steps
  Histogram rows_per_step{kRowBounds};
  Histogram time_to_first_token{kLatencyBounds};  // seconds from Submit to the first token of the answer
  Histogram inter_token_latency{kLatencyBounds};  // seconds from each token of an answer to its next
  int64_t preemptions = 0;                        // a request lost its KV blocks and is computed again
  int64_t model_errors = 0;                       // steps that ended in an exception
  int running = 0;
  int waiting = 0;
  int kv_blocks_total = 0;
  int kv_blocks_free = 0;
  int kv_blocks_cached = 0;  // kept for reuse, owned by nobody

  int64_t Finished(FinishReason reason) const { return requests_finished[static_cast<size_t>(reason)]; }
};

// The engine's public door. Owns the one thread that runs the model; Submit, Stop and Stats may be called
// from any thread. The model outlives the engine; streams may outlive it too. Idle, it costs no CPU.
//
// If the model throws, every running request ends with kError, the prefix cache is emptied, and the engine
// goes on with those that wait.
class Engine {
 public:
  Engine(LanguageModel& model, const EngineOptions& options);
  ~Engine();  // Stop(0)
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Throws RequestRefused at once if the request can never be served or the queue is full.
  // REQUIRES: what EngineRequest says.
  TokenStream Submit(EngineRequest request);

  // Refuses new requests from now on, lets running and waiting ones finish for at most `grace`, ends the rest
  // with kDraining, and joins the thread. Idempotent; a later call with a shorter grace shortens it.
  void Stop(std::chrono::milliseconds grace);

  EngineStats Stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace puna
