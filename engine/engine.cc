#include "engine/engine.h"

#include <algorithm>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "engine/base/check.h"
#include "engine/live_request.h"
#include "engine/request_output.h"
#include "engine/step_loop.h"

namespace puna {
namespace {

using Clock = std::chrono::steady_clock;
using Reason = RequestRefused::Reason;

void CheckRequest(const EngineRequest& request, int vocab_size) {
  const auto known = [vocab_size](int32_t token) { return token >= 0 && token < vocab_size; };
  CHECK(!request.prompt.empty());
  CHECK(std::ranges::all_of(request.prompt, known)) << "a token of the prompt is not below " << vocab_size;
  const bool needs_no_answer = request.prompt_logprobs || request.embed_from;
  CHECK(request.max_tokens >= (needs_no_answer ? 0 : 1)) << "max_tokens " << request.max_tokens;
  if (request.embed_from) {
    CHECK(request.max_tokens == 0 && !request.prompt_logprobs) << "an embedding is no answer";
    CHECK(*request.embed_from >= 0 && static_cast<size_t>(*request.embed_from) < request.prompt.size())
        << "embed_from " << *request.embed_from;
  }
  for (const auto& [token, bias] : request.sampling.logit_bias)
    CHECK(known(token)) << "logit_bias of " << token;
}

// A grace beyond what the clock can say is no limit.
Clock::time_point After(std::chrono::milliseconds grace) {
  const Clock::time_point now = Clock::now();
  const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::time_point::max() - now);
  return grace < most ? now + grace : Clock::time_point::max();
}

}  // namespace

struct Engine::Impl {
  Impl(LanguageModel& model, const EngineOptions& the_options)
      : options(the_options), vocab_size(model.vocab_size()), loop(model, the_options) {
    CHECK(options.max_context >= 2) << "max_context " << options.max_context;
    thread = std::thread([this] { loop.Run(); });
  }

  void RefuseWhatNeverFits(const EngineRequest& request) const;
  uint64_t DrawSeed();

  const EngineOptions options;
  const int vocab_size;
  StepLoop loop;

  std::mutex seeds_mu;
  std::mt19937_64 seeds{std::random_device{}()};  // guarded by seeds_mu

  std::mutex join_mu;
  std::thread thread;  // guarded by join_mu
};

void Engine::Impl::RefuseWhatNeverFits(const EngineRequest& request) const {
  const auto prompt = static_cast<int64_t>(request.prompt.size());
  // Without an answer the prompt may fill the context.
  if (prompt + (request.max_tokens > 0 ? 1 : 0) > options.max_context) {
    throw RequestRefused(Reason::kPromptTooLong,
                         "the prompt has " + std::to_string(prompt) +
                             " tokens, which with at least one token of answer is more than the context of " +
                             std::to_string(options.max_context) + " tokens");
  }
  if (!loop.Fits(prompt)) {
    throw RequestRefused(Reason::kNeverFits,
                         "the prompt has " + std::to_string(prompt) + " tokens, which need " +
                             std::to_string(loop.BlocksFor(prompt)) + " KV blocks of " +
                             std::to_string(options.kv_block_tokens) + " tokens; the server has " +
                             std::to_string(options.num_kv_blocks));
  }
}

uint64_t Engine::Impl::DrawSeed() {
  const std::lock_guard lock(seeds_mu);
  return seeds();
}

Engine::Engine(LanguageModel& model, const EngineOptions& options)
    : impl_(std::make_unique<Impl>(model, options)) {}

Engine::~Engine() { Stop(std::chrono::milliseconds(0)); }

TokenStream Engine::Submit(EngineRequest request) {
  CheckRequest(request, impl_->vocab_size);
  impl_->RefuseWhatNeverFits(request);
  // The last token of a conversation needs no place in the pool: nothing follows it.
  const int64_t pool = int64_t{impl_->options.num_kv_blocks} * impl_->options.kv_block_tokens;
  const int64_t most_tokens = std::min<int64_t>(impl_->options.max_context, pool + 1);
  std::vector<int32_t> tokens = request.prompt;
  auto output = std::make_shared<RequestOutput>();
  auto live = std::make_unique<LiveRequest>(std::move(request), output, impl_->DrawSeed(), most_tokens);
  switch (impl_->loop.Submit(std::move(tokens), std::move(live))) {
    case StepLoop::Accepted::kYes:
      break;
    case StepLoop::Accepted::kQueueFull:
      throw RequestRefused(
          Reason::kQueueFull,
          "the queue is full: " + std::to_string(impl_->options.max_queue) + " requests are waiting already");
    case StepLoop::Accepted::kClosed:
      throw RequestRefused(Reason::kStopping, "the server is stopping");
  }
  return TokenStream(std::move(output));
}

void Engine::Stop(std::chrono::milliseconds grace) {
  impl_->loop.Close(After(grace));
  const std::lock_guard lock(impl_->join_mu);
  if (impl_->thread.joinable()) impl_->thread.join();
}

EngineStats Engine::Stats() const { return impl_->loop.stats(); }

}  // namespace puna
