#include "engine/live_request.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/sampling/logprobs.h"

namespace puna {

LiveRequest::LiveRequest(EngineRequest request, std::shared_ptr<RequestOutput> output, uint64_t seed,
                         int64_t most_tokens)
    : request_(std::move(request)),
      output_(std::move(output)),
      sampler_(request_.sampling, request_.prompt, seed),
      tokens_left_(
          std::min<int64_t>(request_.max_tokens, most_tokens - static_cast<int64_t>(request_.prompt.size()))),
      last_token_(output_->timings().submitted) {
  CHECK(tokens_left_ >= 0) << request_.prompt.size() << " tokens";
  if (request_.constraint != nullptr) matcher_.emplace(request_.constraint);
}

LiveRequest::Progress LiveRequest::Continue(const PlannedSequence& planned, std::span<const float> logits,
                                            size_t vocab_size, TimePoint now) {
  if (request_.prompt_logprobs && !prompt_done_) DeliverPrompt(planned, logits, vocab_size);
  if (request_.embed_from) AddHidden(planned, logits);
  Progress progress;
  if (!planned.chooses) return progress;
  if (!prompt_done_) {
    prompt_done_ = true;
    output_->SetCachedTokens(planned.cached_tokens);
  }
  if (tokens_left_ == 0) {
    if (request_.embed_from) DeliverEmbedding();
    progress.finish = FinishReason::kLength;
    return progress;
  }
  const std::span<const float> last = logits.last(vocab_size);
  std::shared_ptr<const TokenMask> allowed;
  if (matcher_) {
    allowed = matcher_->Allowed();
    if (std::ranges::all_of(*allowed, [](uint64_t word) { return word == 0; })) {
      progress.finish = FinishReason::kLength;
      return progress;
    }
  }
  const int32_t token =
      sampler_.Choose(last, allowed == nullptr ? std::span<const uint64_t>() : std::span(*allowed));
  if (std::ranges::find(request_.stop_tokens, token) != request_.stop_tokens.end()) {
    progress.finish = FinishReason::kStop;
    return progress;
  }
  NoteToken(now, progress);
  Deliver(token, last);
  if (matcher_) matcher_->Accept(token);
  if (matcher_ && matcher_->finished()) {
    progress.finish = FinishReason::kStop;
  } else if (--tokens_left_ == 0) {
    progress.finish = FinishReason::kLength;
  } else {
    progress.token = token;
  }
  return progress;
}

// The logits at a position say how probable the next position's token was.
void LiveRequest::DeliverPrompt(const PlannedSequence& planned, std::span<const float> logits,
                                size_t vocab_size) {
  for (int row = 0; row < planned.n_logits; ++row) {
    const auto position = static_cast<size_t>(planned.first_position + row);
    TokenEvent event;
    event.in_prompt = true;
    if (position == 0) {
      event.token = request_.prompt[0];
      output_->Deliver(event);
    }
    if (position + 1 == request_.prompt.size()) return;
    event.token = request_.prompt[position + 1];
    event.logprobs = Logprobs(logits.subspan(static_cast<size_t>(row) * vocab_size, vocab_size), event.token,
                              std::max(request_.sampling.top_logprobs, 0));
    output_->Deliver(std::move(event));
  }
}

// Rows come in ascending order of position, each once, however the prompt is cut: so do the additions.
void LiveRequest::AddHidden(const PlannedSequence& planned, std::span<const float> hidden) {
  if (planned.n_logits == 0) return;
  const size_t size = hidden.size() / static_cast<size_t>(planned.n_logits);
  hidden_sum_.resize(size, 0.0);
  for (size_t i = 0; i < hidden.size(); ++i) hidden_sum_[i % size] += static_cast<double>(hidden[i]);
}

void LiveRequest::DeliverEmbedding() {
  const auto rows = static_cast<double>(request_.prompt.size()) - *request_.embed_from;
  TokenEvent event;
  for (const double sum : hidden_sum_) event.embedding.push_back(static_cast<float>(sum / rows));
  output_->Deliver(std::move(event));
}

void LiveRequest::Deliver(int32_t token, std::span<const float> logits) {
  TokenEvent event;
  event.token = token;
  if (request_.sampling.top_logprobs >= 0) {
    event.logprobs = Logprobs(logits, token, request_.sampling.top_logprobs);
  }
  output_->Deliver(std::move(event));
}

void LiveRequest::NoteToken(TimePoint now, Progress& progress) {
  progress.delivered = true;
  progress.first = !answer_begun_;
  progress.gap = std::chrono::duration<double>(now - last_token_).count();
  if (progress.first) output_->NoteFirstToken(now);
  answer_begun_ = true;
  last_token_ = now;
}

}  // namespace puna
