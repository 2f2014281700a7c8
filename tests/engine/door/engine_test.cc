#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/door/fake_model.h"

namespace puna {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Read {
  std::vector<int32_t> tokens;
  FinishReason finish = FinishReason::kError;
  std::string message;
};

Read ReadAll(TokenStream& stream) {
  Read read;
  for (;;) {
    const TokenEvent event = stream.Next();
    if (event.finish) {
      read.finish = *event.finish;
      read.message = event.message;
      return read;
    }
    if (!event.in_prompt) read.tokens.push_back(event.token);
  }
}

EngineOptions Options(int num_blocks, int block_tokens) {
  EngineOptions options;
  options.max_rows_per_step = 8;
  options.max_context = 1 << 20;
  options.num_kv_blocks = num_blocks;
  options.kv_block_tokens = block_tokens;
  return options;
}

EngineRequest Request(std::vector<int32_t> prompt, int max_tokens) {
  EngineRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  return request;
}

TEST(EngineTest, AnswersWhatTheModelSays) {
  FakeModel model(16, 4);
  Engine engine(model, Options(16, 4));
  TokenStream stream = engine.Submit(Request({1, 2, 3}, 20));
  const Read read = ReadAll(stream);
  EXPECT_EQ(read.tokens, FakeModel::Answer({1, 2, 3}, 20));
  EXPECT_EQ(read.finish, FinishReason::kLength);
}

TEST(EngineTest, ThePromptOfSeveralChoicesIsComputedOnceButForItsLastToken) {
  constexpr int kChoices = 8;
  constexpr int kBlock = 4;
  for (const int length : {3, 48, 49, 50, 51}) {
    FakeModel model(256, kBlock);
    Engine engine(model, Options(256, kBlock));
    std::vector<int32_t> prompt;
    for (int i = 0; i < length; ++i) prompt.push_back(i);
    model.CloseGate();
    std::vector<TokenStream> choices;
    for (int choice = 0; choice < kChoices; ++choice) {
      EngineRequest request = Request(prompt, 3);
      request.sampling.choice = static_cast<uint32_t>(choice);
      choices.push_back(engine.Submit(std::move(request)));
    }
    model.OpenGate();
    for (TokenStream& choice : choices) EXPECT_EQ(ReadAll(choice).tokens, FakeModel::Answer(prompt, 3));
    // The answers' first and second tokens are computed too.
    EXPECT_LE(model.rows(), length + (kChoices - 1) + kChoices * 2) << length;
  }
}

TEST(EngineTest, AnEmbeddingIsTheMeanOfTheHiddenStatesFromWhereItIsAskedFor) {
  FakeModel model(64, 4);
  Engine engine(model, Options(64, 4));
  std::vector<int32_t> prompt;
  for (int i = 0; i < 50; ++i) prompt.push_back(i);
  // Once with nothing in the cache, once with the prompt there.
  for (int round = 0; round < 2; ++round) {
    for (const int from : {0, 1, 49}) {
      EngineRequest request = Request(prompt, 0);
      request.embed_from = from;
      TokenStream stream = engine.Submit(std::move(request));
      const TokenEvent event = stream.Next();
      ASSERT_EQ(event.embedding.size(), 2u);
      EXPECT_FLOAT_EQ(event.embedding[0], static_cast<float>(from + 49) / 2) << "the mean position";
      EXPECT_EQ(stream.Next().finish, FinishReason::kLength);
    }
    TokenStream answer = engine.Submit(Request(prompt, 3));
    EXPECT_EQ(ReadAll(answer).tokens, FakeModel::Answer(prompt, 3));
  }
}

}  // namespace
}  // namespace puna
