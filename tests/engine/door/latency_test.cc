// What stands between two tokens of a stream, and before the first one, counted in rows and steps: no clock.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>

#include "engine/engine.h"
#include "tests/engine/door/fake_model.h"

namespace puna {
namespace {

constexpr int kBlockTokens = 32;
constexpr int kBlocks = 1024;
constexpr int kBudget = 128;

// Remembers how many rows each sequence of each step had.
class RecordingModel final : public LanguageModel {
 public:
  using Step = std::vector<int>;

  std::span<const float> Forward(const Batch& batch) override {
    Step& step = steps_.emplace_back();
    for (const BatchSequence& sequence : batch.sequences) step.push_back(sequence.n_rows);
    return model_.Forward(batch);
  }
  int vocab_size() const override { return model_.vocab_size(); }
  std::span<const float> Hidden() const override { return {}; }
  int hidden_size() const override { return 0; }

  FakeModel& gate() { return model_; }
  // REQUIRES: the engine is idle or at the gate.
  const std::vector<Step>& steps() const { return steps_; }

 private:
  FakeModel model_{kBlocks, kBlockTokens};
  std::vector<Step> steps_;
};

int Rows(const RecordingModel::Step& step) { return std::accumulate(step.begin(), step.end(), 0); }

EngineOptions Options() {
  EngineOptions options;
  options.max_rows_per_step = kBudget;
  options.max_context = 8192;
  options.num_kv_blocks = kBlocks;
  options.kv_block_tokens = kBlockTokens;
  return options;
}

EngineRequest Request(int first_token, int prompt_tokens, int max_tokens) {
  EngineRequest request;
  for (int i = 0; i < prompt_tokens; ++i)
    request.prompt.push_back((first_token + i * i) % FakeModel::kVocabSize);
  request.max_tokens = max_tokens;
  return request;
}

int CountTokens(TokenStream& stream) {
  int tokens = 0;
  while (!stream.Next().finish) ++tokens;
  return tokens;
}

TEST(EngineLatencyTest, LongPromptPutsAtMostOneBudgetOfRowsBetweenTwoTokensOfAStream) {
  constexpr int kStreams = 8, kLongPrompt = 4000, kTokens = 100;
  RecordingModel model;
  model.gate().CloseGate();
  Engine engine(model, Options());
  std::vector<TokenStream> streams;
  for (int i = 0; i < kStreams; ++i) streams.push_back(engine.Submit(Request(i, 5, kTokens)));
  // All have their first token, and the engine is inside a step that decodes all of them.
  while (model.gate().AwaitArrival(), model.steps().back() != RecordingModel::Step(kStreams, 1))
    model.gate().Release(1);
  const size_t before = model.steps().size();
  TokenStream prompt = engine.Submit(Request(20, kLongPrompt, 1));
  model.gate().OpenGate();
  EXPECT_EQ(CountTokens(prompt), 1);
  for (TokenStream& stream : streams) EXPECT_EQ(CountTokens(stream), kTokens);
  engine.Stop(std::chrono::hours(1));

  int prompt_rows = 0, steps = 0;
  for (size_t i = before; prompt_rows < kLongPrompt; ++i, ++steps) {
    const RecordingModel::Step& step = model.steps().at(i);
    ASSERT_EQ(step.size(), kStreams + 1) << "step " << i;
    // Each step is one token of each stream, so what else it computes is what stands between two.
    EXPECT_TRUE(std::all_of(step.begin(), step.begin() + kStreams, [](int rows) { return rows == 1; }));
    EXPECT_LE(Rows(step), kBudget);
    prompt_rows += step.back();
  }
  EXPECT_EQ(prompt_rows, kLongPrompt);
  EXPECT_EQ(steps, 34);  // 120 rows each: the prompt has all that the streams leave
}

TEST(EngineLatencyTest, FullyCachedPromptIsAnsweredAfterOneStepOfOneRow) {
  // Its last token has to be computed, wherever in a block it lies.
  for (const int tokens : {1985, 2000, 2016}) {
    RecordingModel model;
    Engine engine(model, Options());
    TokenStream first = engine.Submit(Request(3, tokens, 1));
    EXPECT_EQ(CountTokens(first), 1);
    const EngineStats before = engine.Stats();
    TokenStream second = engine.Submit(Request(3, tokens, 1));
    EXPECT_EQ(CountTokens(second), 1);
    const EngineStats after = engine.Stats();
    EXPECT_EQ(after.steps - before.steps, 1) << tokens;
    EXPECT_EQ(after.rows - before.rows, 1) << tokens;
    EXPECT_EQ(second.cached_tokens(), tokens - 1) << tokens;
  }
}

TEST(EngineLatencyTest, FullyCachedPromptIsAnsweredAfterOneStepWhileALongOneIsComputed) {
  RecordingModel model;
  Engine engine(model, Options());
  TokenStream first = engine.Submit(Request(3, 2000, 1));
  EXPECT_EQ(CountTokens(first), 1);
  model.gate().CloseGate();
  TokenStream huge = engine.Submit(Request(11, 4000, 1));
  model.gate().AwaitArrival();
  TokenStream cached = engine.Submit(Request(3, 2000, 1));
  model.gate().Release(2);  // the step that had begun, and the next
  EXPECT_EQ(CountTokens(cached), 1);
  model.gate().AwaitArrival();
  EXPECT_EQ(model.steps().size(), size_t{2000 / kBudget + 1 + 3});
  model.gate().OpenGate();
  EXPECT_EQ(CountTokens(huge), 1);
}

TEST(EngineLatencyTest, EveryReaderThatWaitsIsWokenHoweverManyThereAre) {
  for (const int readers : {1, 2, 40}) {
    RecordingModel model;
    Engine engine(model, Options());
    std::vector<std::thread> threads;
    std::atomic<int> tokens = 0;
    for (int i = 0; i < readers; ++i) {
      threads.emplace_back(
          [&, stream = engine.Submit(Request(i, 3, 50))]() mutable { tokens += CountTokens(stream); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(tokens, 50 * readers);
  }
}

}  // namespace
}  // namespace puna
