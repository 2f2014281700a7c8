#include "server/generation.h"

#include <thread>
#include <utility>

#include "engine/base/check.h"
#include "server/api_error.h"

namespace puna {
namespace {

using Clock = std::chrono::steady_clock;

// With several answers running, the thread sleeps on one of them; others may be ready before it.
constexpr std::chrono::milliseconds kSharedWait{5};

RequestError Refusal(const RequestRefused& refused) {
  if (refused.reason() == RequestRefused::Reason::kStopping)
    return RequestError(503, "The server is shutting down.", {}, "server_shutting_down", "server_error");
  return RequestError(400, refused.what(), {}, "context_length_exceeded");
}

// 504 and not 408: 408 says that the client was slow to send its request, and browsers and proxies send such
// a request again by themselves. OpenAI's clients retry both, and would let the server do all the work again;
// the header x-should-retry, which a route adds to every 504, tells them not to.
RequestError Late() {
  return RequestError(504, "The answer was not complete within the time this server allows for a request.",
                      {}, "request_timeout", "server_error");
}

}  // namespace

Answers::Answers(Engine& engine, const Tokenizer& tokenizer, std::vector<AnswerRequest> requests,
                 AnswerTerms terms)
    : engine_(engine),
      tokenizer_(tokenizer),
      python_tag_(tokenizer.Special("<|python_tag|>").value_or(-1)),
      terms_(std::move(terms)),
      count_(requests.size()),
      last_poll_(Clock::now()) {
  CHECK(!requests.empty());
  for (AnswerRequest& request : requests) {
    request.engine.deadline = terms_.deadline;
    if (request.counts_prompt) usage_.prompt_tokens += static_cast<int64_t>(request.engine.prompt.size());
    pending_.push_back(std::move(request));
  }
  while (!pending_.empty() && running_.size() < kWindow) {
    if (SubmitNext()) continue;
    // Places come free while the answers that have one are read; without any there is nothing to wait for.
    if (running_.empty() && ready_.empty()) {
      throw RequestError(429, "The server is busy and its queue is full. Please try again later.", {},
                         "rate_limit_exceeded", "requests");
    }
    break;
  }
  terms_.figures->prompt_tokens = usage_.prompt_tokens;
  // Whoever drops this before another end is known does so because nobody is there to read.
  terms_.figures->end = AnswerFigures::End::kClientGone;
}

bool Answers::SubmitNext() {
  AnswerRequest& request = pending_.front();
  if (request.engine.max_tokens == 0 && !request.engine.prompt_logprobs && !request.engine.embed_from) {
    ready_.push_back({next_index_, std::move(request.echo), FinishReason::kLength, {}, {}});
  } else {
    try {
      // A copy: a refused request is submitted again.
      Start(request, engine_.Submit(request.engine));
    } catch (const RequestRefused& refused) {
      if (refused.reason() == RequestRefused::Reason::kQueueFull) return false;
      throw Refusal(refused);
    }
  }
  pending_.pop_front();
  ++next_index_;
  return true;
}

void Answers::Start(AnswerRequest& request, TokenStream tokens) {
  running_.push_back({next_index_, std::move(tokens), AnswerText(request.stop),
                      HeldTokens(CountCharacters(request.echo)), request.counts_prompt, request.wants_tokens,
                      nullptr, request.repeats_echo, request.begins_text});
  if (request.engine.prompt_logprobs) {
    last_echo_ = std::make_shared<Echo>();
    last_echo_->text = std::move(request.echo);
  }
  if (request.engine.prompt_logprobs || request.repeats_echo) {
    running_.back().echo = last_echo_;
  } else if (!request.echo.empty()) {
    ready_.push_back({next_index_, std::move(request.echo), std::nullopt, {}, {}});
  }
}

void Answers::Refill() {
  while (!pending_.empty() && running_.size() < kWindow && SubmitNext()) {
  }
}

bool Answers::ClientGone(const std::function<bool()>& client_gone) {
  const Clock::time_point now = Clock::now();
  if (now - last_poll_ < kPollInterval) return false;
  last_poll_ = now;
  return client_gone();
}

std::optional<AnswerEvent> Answers::Next(const std::function<bool()>& client_gone) {
  while (!abandoned_) {
    if (ClientGone(client_gone)) {
      abandoned_ = true;
      break;
    }
    if (auto event = TryNext()) return event;
    if (running_.empty() && pending_.empty()) {
      terms_.figures->end = AnswerFigures::End::kComplete;
      return std::nullopt;
    }
    if (running_.empty()) {
      // The queue is full of others' requests. What runs the engine ends by itself.
      if (Clock::now() >= terms_.deadline) {
        terms_.figures->end = AnswerFigures::End::kDeadline;
        throw Late();
      }
      std::this_thread::sleep_for(kPollInterval);
      continue;
    }
    const auto wait = running_.size() == 1 ? kPollInterval : kSharedWait;
    if (const auto token = running_.front().tokens.NextUntil(Clock::now() + wait))
      if (auto event = Handle(0, *token)) return event;
  }
  pending_.clear();
  running_.clear();
  return std::nullopt;
}

std::optional<AnswerEvent> Answers::TryNext() {
  Refill();
  if (ready_.empty()) return TakeReady();
  AnswerEvent event = std::move(ready_.front());
  ready_.pop_front();
  return event;
}

// Goes once around what runs, without waiting.
std::optional<AnswerEvent> Answers::TakeReady() {
  const size_t slots = running_.size();
  for (size_t i = 0; i < slots && !running_.empty(); ++i) {
    turn_ = (turn_ + 1) % running_.size();
    // What is repeated has to be known first. It is told by an answer of a lower index, so the first of the
    // running ones never waits here.
    const Running& answer = running_[turn_];
    if (answer.repeats_echo && answer.echo && !answer.echo->complete) continue;
    const auto token = running_[turn_].tokens.TryNext();
    if (!token) continue;
    if (auto event = Handle(turn_, *token)) return event;
  }
  return std::nullopt;
}

std::optional<AnswerEvent> Answers::Handle(size_t slot, const TokenEvent& event) {
  Running& answer = running_[slot];
  if (event.in_prompt) {
    AddToEcho(*answer.echo, event);
    return std::nullopt;
  }
  if (!event.embedding.empty()) return AnswerEvent{answer.index, "", std::nullopt, {}, event.embedding};
  Count(answer, event);
  if (!event.finish) {
    if (answer.wants_tokens) answer.told.Add(event.token, event.logprobs, answer.text);
    // A special token that ends nothing has no text.
    std::string text;
    if (!tokenizer_.IsSpecial(event.token)) {
      text = answer.text.Push(tokenizer_.Text(event.token, std::exchange(answer.begins_text, false)));
    }
    if (answer.text.stopped()) return End(slot, FinishReason::kStop, std::move(text));
    AnswerEvent next = Event(answer, std::move(text));
    next.announces_call = event.token == python_tag_;
    if (next.text.empty() && next.tokens.empty() && !next.announces_call) return std::nullopt;
    return next;
  }
  switch (*event.finish) {
    case FinishReason::kStop:
    case FinishReason::kLength: {
      std::string rest = answer.text.Finish();
      // The last bytes may complete a stop string only as U+FFFD; then it counts.
      const FinishReason reason = answer.text.stopped() ? FinishReason::kStop : *event.finish;
      return End(slot, reason, std::move(rest));
    }
    case FinishReason::kDraining:
    case FinishReason::kDeadline:
    case FinishReason::kCancelled:
    case FinishReason::kError:
      break;
  }
  Fail(event);
}

void Answers::Fail(const TokenEvent& event) {
  AnswerFigures& figures = *terms_.figures;
  if (event.finish == FinishReason::kDeadline) {
    figures.end = AnswerFigures::End::kDeadline;
    throw Late();
  }
  if (event.finish == FinishReason::kDraining) {
    figures.end = AnswerFigures::End::kShutdown;
    throw RequestError(503, "The server is shutting down; the answer is not complete.", {},
                       "server_shutting_down", "server_error");
  }
  figures.end = AnswerFigures::End::kFailed;
  throw RequestError(500, event.message.empty() ? "The answer could not be completed." : event.message, {},
                     "internal_error", "server_error");
}

void Answers::AddToEcho(Echo& echo, const TokenEvent& event) {
  echo.tokens.push_back({event.token, echo.decoded.characters(), true, event.logprobs});
  if (!tokenizer_.IsSpecial(event.token))
    echo.decoded.Push(tokenizer_.Text(event.token, std::exchange(echo.begins_text, false)));
}

// The text with its tokens, after the echo if that was not sent yet.
AnswerEvent Answers::Event(Running& answer, std::string text) {
  AnswerEvent event{answer.index, std::move(text), std::nullopt, answer.told.Take(answer.text), {}};
  if (const auto echo = std::exchange(answer.echo, nullptr)) {
    echo->complete = true;
    event.text.insert(0, echo->text);
    event.tokens.insert(event.tokens.begin(), echo->tokens.begin(), echo->tokens.end());
  }
  return event;
}

void Answers::Count(Running& answer, const TokenEvent& event) {
  AnswerFigures& figures = *terms_.figures;
  if (!answer.begun) {
    answer.begun = true;
    if (answer.counts_prompt) usage_.cached_tokens += answer.tokens.cached_tokens();
    figures.cached_tokens = usage_.cached_tokens;
    if (!figures.first_token) figures.first_token = answer.tokens.timings().first_token;
  }
  if (event.finish) return;
  figures.completion_tokens = ++usage_.completion_tokens;
}

AnswerEvent Answers::End(size_t slot, FinishReason reason, std::string text) {
  Running& answer = running_[slot];
  AnswerEvent event = Event(answer, std::move(text));
  event.finish = reason;
  event.stop = answer.text.stop();
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(slot));
  if (running_.empty()) turn_ = 0;
  return event;
}

}  // namespace puna
