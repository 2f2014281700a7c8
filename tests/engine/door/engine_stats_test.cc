// What the engine tells of itself, and the ends that its clock and its readers bring about.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/engine.h"
#include "tests/engine/door/fake_model.h"

namespace puna {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kBlocks = 64;
constexpr int kBlockTokens = 4;

EngineOptions Options() {
  EngineOptions options;
  options.max_rows_per_step = 8;
  options.max_context = kBlocks * kBlockTokens;
  options.num_kv_blocks = kBlocks;
  options.kv_block_tokens = kBlockTokens;
  return options;
}

EngineRequest Request(int max_tokens, std::vector<int32_t> prompt = {1, 2, 3}) {
  EngineRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  return request;
}

FinishReason EndOf(TokenStream& stream) {
  for (;;) {
    const TokenEvent event = stream.Next();
    if (event.finish) return *event.finish;
  }
}

int Held(const EngineStats& stats) {
  return stats.kv_blocks_total - stats.kv_blocks_free - stats.kv_blocks_cached;
}

TEST(EngineStatsTest, WhatAReaderHasSeenIsCounted) {
  FakeModel model(kBlocks, kBlockTokens);
  Engine engine(model, Options());
  for (int64_t answer = 1; answer <= 50; ++answer) {
    TokenStream stream = engine.Submit(Request(7));
    EXPECT_EQ(EndOf(stream), FinishReason::kLength);
    const EngineStats stats = engine.Stats();
    EXPECT_EQ(stats.requests_submitted, answer);
    EXPECT_EQ(stats.Finished(FinishReason::kLength), answer);
    EXPECT_EQ(stats.prompt_tokens, 3 * answer);
    EXPECT_EQ(stats.generated_tokens, 7 * answer);
    EXPECT_EQ(stats.time_to_first_token.total(), answer);
    EXPECT_EQ(stats.inter_token_latency.total(), 6 * answer);
  }
}

TEST(EngineStatsTest, EachStepIsCountedOnceUnderItsRows) {
  FakeModel model(kBlocks, kBlockTokens);
  Engine engine(model, Options());
  TokenStream stream = engine.Submit(Request(4, {1, 2, 3, 4, 5}));
  EXPECT_EQ(EndOf(stream), FinishReason::kLength);
  engine.Stop(std::chrono::milliseconds(0));
  const EngineStats stats = engine.Stats();
  EXPECT_EQ(stats.steps, 4);
  EXPECT_EQ(stats.rows_per_step.total(), 4);
  EXPECT_EQ(stats.rows_per_step.sum(), static_cast<double>(model.rows()));
  EXPECT_EQ(stats.rows_per_step.counts()[0], 3) << "a row for each token after the first";
  EXPECT_EQ(stats.rows_per_step.counts()[3], 1) << "the prompt's five";
}

TEST(EngineStatsTest, AnIdlePoolHoldsNothing) {
  FakeModel model(kBlocks, kBlockTokens);
  Engine engine(model, Options());
  std::vector<TokenStream> streams;
  for (int i = 0; i < 20; ++i) streams.push_back(engine.Submit(Request(5, {i, 2, 3, 4, 5})));
  for (TokenStream& stream : streams) EndOf(stream);
  engine.Stop(std::chrono::hours(1));
  const EngineStats stats = engine.Stats();
  EXPECT_EQ(Held(stats), 0);
  EXPECT_EQ(stats.running, 0);
  EXPECT_EQ(stats.waiting, 0);
  EXPECT_GT(stats.kv_blocks_cached, 0);
}

TEST(EngineDeadlineTest, ARunningAnswerEndsAfterTheStepInWhichItPasses) {
  FakeModel model(kBlocks, kBlockTokens);
  model.CloseGate();
  Engine engine(model, Options());
  EngineRequest request = Request(200);
  request.deadline = Clock::now() + std::chrono::milliseconds(20);
  TokenStream late = engine.Submit(std::move(request));
  TokenStream other = engine.Submit(Request(1));
  model.AwaitArrival();
  // It passes while a step is computed, however long that takes.
  while (Clock::now() < late.timings().submitted + std::chrono::milliseconds(30)) model.AwaitArrival();
  model.OpenGate();
  EXPECT_EQ(EndOf(late), FinishReason::kDeadline);
  const EngineStats stats = engine.Stats();
  EXPECT_EQ(stats.Finished(FinishReason::kDeadline), 1);
  EXPECT_LE(stats.steps, 2) << "no step after the one that ran";
  EXPECT_EQ(EndOf(other), FinishReason::kLength);
}

TEST(EngineDeadlineTest, ARequestWhoseTimeIsOverIsNeverComputed) {
  FakeModel model(kBlocks, kBlockTokens);
  Engine engine(model, Options());
  EngineRequest request = Request(5);
  request.deadline = Clock::now();
  TokenStream stream = engine.Submit(std::move(request));
  EXPECT_EQ(EndOf(stream), FinishReason::kDeadline);
  EXPECT_EQ(model.rows(), 0);
  EXPECT_EQ(Held(engine.Stats()), 0);
}

TEST(EngineDeadlineTest, RowsAndBlocksAreFreeBeforeTheReaderKnows) {
  FakeModel model(kBlocks, kBlockTokens);
  model.CloseGate();
  Engine engine(model, Options());
  EngineRequest request = Request(200);
  request.deadline = Clock::now() + std::chrono::milliseconds(20);
  TokenStream stream = engine.Submit(std::move(request));
  while (Clock::now() < stream.timings().submitted + std::chrono::milliseconds(30)) {
  }
  model.OpenGate();
  EXPECT_EQ(EndOf(stream), FinishReason::kDeadline);
  const EngineStats stats = engine.Stats();
  EXPECT_EQ(stats.running, 0);
  EXPECT_EQ(Held(stats), 0);
}

TEST(EngineCancelTest, RowsAndBlocksAreFreeBeforeTheNextStep) {
  FakeModel model(kBlocks, kBlockTokens);
  model.CloseGate();
  Engine engine(model, Options());
  TokenStream leaver = engine.Submit(Request(200));
  TokenStream stayer = engine.Submit(Request(3, {7, 8}));
  model.AwaitArrival();
  leaver.Cancel();
  model.OpenGate();
  EXPECT_EQ(EndOf(leaver), FinishReason::kCancelled);
  EXPECT_EQ(EndOf(stayer), FinishReason::kLength);
  engine.Stop(std::chrono::hours(1));
  const EngineStats stats = engine.Stats();
  EXPECT_EQ(stats.Finished(FinishReason::kCancelled), 1);
  // Its prompt, and the one row of a step that was planned before anybody could know.
  EXPECT_LE(stats.generated_tokens, 1 + 3);
  EXPECT_EQ(Held(stats), 0);
}

}  // namespace
}  // namespace puna
