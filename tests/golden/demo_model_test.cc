// The demo model's greedy answers, token for token, as an independent program computed them
// (models/demo/recipe/goldens.py).

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/support/model_runner.h"
#include "tokenizer/chat_format.h"
#include "tokenizer/stream_decoder.h"
#include "tokenizer/tokenizer.h"

namespace puna {
namespace {

struct Golden {
  std::string name;
  std::vector<int32_t> prompt;
  std::vector<int32_t> ids;
  std::string text;
  nlohmann::json source;
};

class DemoModelTest : public testing::Test {
 protected:
  DemoModelTest() {
    std::ifstream file(kDirectory / "goldens.json");
    const auto goldens = nlohmann::json::parse(file);
    for (const auto& c : goldens["cases"]) {
      goldens_.push_back({c["name"], c["prompt_ids"], c["ids"], c["text"], c});
      prompts_.push_back(goldens_.back().prompt);
      longest_ = std::max(longest_, goldens_.back().ids.size());
    }
    const ModelDir dir = OpenModelDir(kDirectory);
    tokenizer_ = Tokenizer::FromTiktoken(dir.tokenizer_file.text(), "tokenizer.model");
    stops_ = {tokenizer_->stop_tokens().begin(), tokenizer_->stop_tokens().end()};
  }

  void SetUp() override { ASSERT_EQ(goldens_.size(), 32u); }

  // The tokens before a golden's own end: some were cut at a length instead of a stop token.
  void ExpectGoldens(const std::vector<std::vector<int32_t>>& answers) const {
    ASSERT_EQ(answers.size(), goldens_.size());
    for (size_t i = 0; i < answers.size(); ++i) {
      auto got = answers[i];
      got.resize(std::min(got.size(), goldens_[i].ids.size()));
      EXPECT_EQ(got, goldens_[i].ids) << goldens_[i].name;
    }
  }

  std::vector<std::vector<int32_t>> OneByOne(ModelRunner& runner, int chunk) const {
    std::vector<std::vector<int32_t>> answers;
    for (const auto& prompt : prompts_) {
      answers.push_back(GreedyTogether(runner, {prompt}, stops_, longest_, chunk)[0]);
    }
    return answers;
  }

  const std::filesystem::path kDirectory = std::filesystem::path(PUNA_SOURCE_DIR) / "models/demo";
  std::vector<Golden> goldens_;
  std::vector<std::vector<int32_t>> prompts_;
  size_t longest_ = 0;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::set<int32_t> stops_;
};

TEST_F(DemoModelTest, EveryGoldenIsReproducedTokenForToken) {
  ModelRunner runner(kDirectory, {.threads = 1, .max_rows = 256});
  ExpectGoldens(OneByOne(runner, 256));
}

TEST_F(DemoModelTest, AllAtOnceInChunksOnThreeThreadsTheyAreTheSame) {
  ModelRunner runner(kDirectory, {.threads = 3, .max_rows = 64, .num_blocks = 512, .shuffle = 7});
  for (const int chunk : {1, 5, 64}) ExpectGoldens(GreedyTogether(runner, prompts_, stops_, longest_, chunk));
}

TEST_F(DemoModelTest, TheFirstLogitsAreTheGoldenOnes) {
  ModelRunner runner(kDirectory, {.threads = 2, .max_rows = 256});
  for (const Golden& golden : goldens_) {
    const auto logits = runner.LogitsAt(golden.prompt, {static_cast<int>(golden.prompt.size()) - 1}, 256)[0];
    for (const auto& top : golden.source["top5"]) {
      EXPECT_NEAR(logits[top[0].get<size_t>()], top[1].get<float>(), 1e-3) << golden.name;
    }
  }
}

TEST_F(DemoModelTest, PromptsAndAnswersGoThroughTheTokenizerAsThroughTheGoldens) {
  for (const Golden& golden : goldens_) {
    std::vector<TokenId> prompt;
    if (golden.source.contains("messages")) {
      std::vector<ChatMessage> messages;
      for (const auto& m : golden.source["messages"]) messages.push_back({m["role"], m["content"]});
      prompt = EncodeChat(ChatFormat::kLlama3, *tokenizer_, messages);
    } else {
      prompt = tokenizer_->Encode(golden.source["prompt"].get<std::string>());
      prompt.insert(prompt.begin(), tokenizer_->bos());
    }
    EXPECT_EQ(prompt, golden.prompt) << golden.name;
    StreamDecoder decoder;
    std::string text;
    for (const TokenId id : golden.ids) {
      if (!stops_.contains(id)) text += decoder.Push(tokenizer_->Bytes(id));
    }
    EXPECT_EQ(text + decoder.Finish(), golden.text) << golden.name;
  }
}

}  // namespace
}  // namespace puna
