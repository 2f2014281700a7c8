#include "engine/step_loop.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "engine/base/check.h"

namespace puna {
namespace {

SchedulerOptions ToScheduler(const EngineOptions& options) {
  SchedulerOptions result;
  result.max_rows = options.max_rows_per_step;
  result.max_running = options.max_rows_per_step;
  if (options.max_running > 0) result.max_running = std::min(options.max_running, result.max_running);
  result.num_blocks = options.num_kv_blocks;
  result.block_tokens = options.kv_block_tokens;
  result.prefix_cache = options.prefix_cache;
  return result;
}

}  // namespace

StepLoop::StepLoop(LanguageModel& model, const EngineOptions& options)
    : model_(model),
      vocab_size_(static_cast<size_t>(model.vocab_size())),
      hidden_size_(static_cast<size_t>(model.hidden_size())),
      max_queue_(options.max_queue),
      scheduler_(ToScheduler(options)) {
  CHECK(max_queue_ >= 1) << "max_queue " << max_queue_;
  stats_.kv_blocks_total = options.num_kv_blocks;
  ReadGauges();
  Publish();
}

StepLoop::Accepted StepLoop::Submit(std::vector<int32_t> tokens, std::unique_ptr<LiveRequest> request) {
  const std::lock_guard lock(mu_);
  if (inbox_.closed()) return Accepted::kClosed;
  if (in_inbox_ + published_.waiting >= max_queue_) return Accepted::kQueueFull;
  if (!inbox_.TryPush({next_id_, std::move(tokens), std::move(request)})) return Accepted::kClosed;
  ++next_id_;
  ++in_inbox_;
  return Accepted::kYes;
}

void StepLoop::Close(Clock::time_point stop_by) {
  Clock::time_point current = stop_by_.load();
  while (stop_by < current && !stop_by_.compare_exchange_weak(current, stop_by)) {
  }
  inbox_.Close();
}

EngineStats StepLoop::stats() const {
  const std::lock_guard lock(mu_);
  EngineStats stats = published_;
  stats.requests_submitted = next_id_;
  stats.waiting += in_inbox_;
  return stats;
}

void StepLoop::Run() {
  for (;;) {
    waker_.WakeNoted();
    if (live_.empty()) {
      std::optional<SubmittedRequest> submitted = inbox_.Pop();
      if (!submitted) return;
      Take(*std::move(submitted));
    }
    while (std::optional<SubmittedRequest> submitted = inbox_.TryPop()) Take(*std::move(submitted));
    const Clock::time_point now = Clock::now();
    DropUnwanted(now);
    if (live_.empty()) continue;
    if (now >= stop_by_.load()) {
      EndAll(FinishReason::kDraining);
    } else {
      Step();
    }
  }
}

void StepLoop::Take(SubmittedRequest submitted) {
  const std::vector<int32_t>& tokens = submitted.tokens;
  const EngineRequest& request = submitted.request->request();
  const int wants_from =
      request.embed_from.value_or(request.prompt_logprobs ? 0 : static_cast<int>(tokens.size()) - 1);
  scheduler_.Add(submitted.id, std::move(submitted.tokens), wants_from, request.embed_from.has_value());
  live_.emplace(submitted.id, std::move(submitted.request));
  ++stats_.waiting;
  const std::lock_guard lock(mu_);
  --in_inbox_;
  ++published_.waiting;
}

// Those whose reader left, and those whose time is over. They are few at a time and live_ is short.
void StepLoop::DropUnwanted(Clock::time_point now) {
  for (auto it = live_.begin(); it != live_.end();) {
    const auto current = it++;
    LiveRequest& request = *current->second;
    const bool cancelled = request.output().cancelled();
    if (!cancelled && now < request.request().deadline) continue;
    scheduler_.Cancel(current->first);
    ReadGauges();
    End(current, cancelled ? FinishReason::kCancelled : FinishReason::kDeadline);
  }
  waker_.WakeNoted();
}

void StepLoop::Step() {
  try {
    ComputeStep();
  } catch (const std::exception& error) {
    EndRunning(Printable(error.what()));
  }
  ReadGauges();
  Publish();
}

void StepLoop::ComputeStep() {
  const StepPlan& plan = scheduler_.Schedule();
  ReadGauges();
  Publish();
  for (const PlannedSequence& planned : plan.sequences) live_.at(planned.id)->output().NoteStarted();
  const std::span<const float> logits = model_.Forward(plan.batch);
  const Clock::time_point now = Clock::now();
  ++stats_.steps;
  stats_.rows += static_cast<int64_t>(plan.batch.rows.size());
  stats_.rows_per_step.Add(static_cast<double>(plan.batch.rows.size()));
  std::vector<StepOutcome> outcomes;
  outcomes.reserve(plan.sequences.size());
  for (const PlannedSequence& planned : plan.sequences) {
    const std::span<const float> rows = planned.hidden ? model_.Hidden() : logits;
    const size_t width = planned.hidden ? hidden_size_ : vocab_size_;
    outcomes.push_back(Continue(planned,
                                rows.subspan(static_cast<size_t>(planned.first_logits) * width,
                                             static_cast<size_t>(planned.n_logits) * width),
                                now));
  }
  scheduler_.Commit(outcomes);
}

StepOutcome StepLoop::Continue(const PlannedSequence& planned, std::span<const float> logits,
                               Clock::time_point now) {
  const auto found = live_.find(planned.id);
  LiveRequest& request = *found->second;
  const bool prompt_was_done = request.prompt_done();
  const LiveRequest::Progress progress = request.Continue(planned, logits, vocab_size_, now);
  if (planned.n_logits > 0) waker_.Note(request.shared_output(), /*at_once=*/progress.first);
  if (request.prompt_done() != prompt_was_done) {
    stats_.prompt_tokens += static_cast<int64_t>(request.request().prompt.size());
    stats_.cached_tokens += planned.cached_tokens;
  }
  Count(progress);
  if (!progress.finish) return {progress.token, /*finished=*/false};
  End(found, *progress.finish);
  return {-1, /*finished=*/true};
}

void StepLoop::Count(const LiveRequest::Progress& progress) {
  if (!progress.delivered) return;
  ++stats_.generated_tokens;
  (progress.first ? stats_.time_to_first_token : stats_.inter_token_latency).Add(progress.gap);
}

void StepLoop::End(Live::iterator ended, FinishReason reason, const std::string& message) {
  ++stats_.requests_finished[static_cast<size_t>(reason)];
  Publish();  // before its reader knows
  ended->second->output().End(reason, message);
  waker_.Note(ended->second->shared_output(), /*at_once=*/true);
  live_.erase(ended);
}

void StepLoop::EndAll(FinishReason reason) {
  while (!live_.empty()) {
    scheduler_.Cancel(live_.begin()->first);
    ReadGauges();
    End(live_.begin(), reason);
  }
}

void StepLoop::EndRunning(const std::string& message) {
  ++stats_.model_errors;
  for (const SequenceId id : scheduler_.DropRunning()) {
    // One that ended within the failed step is here no more.
    if (const auto running = live_.find(id); running != live_.end())
      End(running, FinishReason::kError, message);
  }
}

void StepLoop::ReadGauges() {
  const SchedulerCounts counts = scheduler_.counts();
  stats_.running = counts.running;
  stats_.waiting = counts.waiting;
  stats_.preemptions = counts.preemptions;
  stats_.kv_blocks_free = counts.free_blocks;
  stats_.kv_blocks_cached = counts.cached_blocks;
}

void StepLoop::Publish() {
  const std::lock_guard lock(mu_);
  published_ = stats_;
}

}  // namespace puna
