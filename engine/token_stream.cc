#include "engine/token_stream.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/request_output.h"

namespace puna {

void RequestOutput::NoteStarted() {
  const std::lock_guard lock(mu_);
  if (!timings_.started) timings_.started = std::chrono::steady_clock::now();
}

void RequestOutput::NoteFirstToken(std::chrono::steady_clock::time_point when) {
  const std::lock_guard lock(mu_);
  timings_.first_token = when;
}

void RequestOutput::End(FinishReason reason, std::string message) {
  {
    const std::lock_guard lock(mu_);
    timings_.finished = std::chrono::steady_clock::now();
  }
  TokenEvent end;
  end.finish = reason;
  end.message = std::move(message);
  events_.TryPushQuietly(std::move(end));
}

RequestTimings RequestOutput::timings() const {
  const std::lock_guard lock(mu_);
  return timings_;
}

std::optional<TokenEvent> RequestOutput::RememberEnd(std::optional<TokenEvent> event) {
  if (event && event->finish) end_ = event;
  return event;
}

std::optional<TokenEvent> RequestOutput::TryNext() {
  if (end_) return end_;
  return RememberEnd(events_.TryPop());
}

std::optional<TokenEvent> RequestOutput::NextUntil(std::chrono::steady_clock::time_point deadline) {
  if (end_) return end_;
  return RememberEnd(events_.PopUntil(deadline));
}

TokenEvent RequestOutput::Next() {
  if (end_) return *end_;
  std::optional<TokenEvent> event = RememberEnd(events_.Pop());
  CHECK(event.has_value()) << "the queue of a request's output is never closed";
  return *std::move(event);
}

TokenStream::TokenStream(std::shared_ptr<RequestOutput> output) : output_(std::move(output)) {}

TokenStream::~TokenStream() {
  if (output_ != nullptr) output_->Cancel();
}

TokenStream::TokenStream(TokenStream&&) noexcept = default;

TokenStream& TokenStream::operator=(TokenStream&& other) noexcept {
  if (this == &other) return *this;
  if (output_ != nullptr) output_->Cancel();
  output_ = std::move(other.output_);
  return *this;
}

std::optional<TokenEvent> TokenStream::TryNext() { return output_->TryNext(); }

std::optional<TokenEvent> TokenStream::NextUntil(std::chrono::steady_clock::time_point deadline) {
  return output_->NextUntil(deadline);
}

TokenEvent TokenStream::Next() { return output_->Next(); }

void TokenStream::Cancel() { output_->Cancel(); }

int TokenStream::cached_tokens() const { return output_->cached_tokens(); }

RequestTimings TokenStream::timings() const { return output_->timings(); }

}  // namespace puna
