// Llama against PyTorch (a tolerance, since the arithmetic is somebody else's) and against itself (none).

#include "engine/model/llama.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "engine/ops/elementwise.h"
#include "engine/ops/instruction_set.h"
#include "tests/support/model_runner.h"

namespace puna {
namespace {

std::filesystem::path Fixture(const std::string& name) {
  return std::filesystem::path(PUNA_SOURCE_DIR) / "tests/engine/model/fixtures" / name;
}

nlohmann::json Expected(const std::string& name) {
  std::ifstream file(Fixture(name) / "expected.json");
  return nlohmann::json::parse(file);
}

std::vector<double> LogSoftmax(const std::vector<float>& logits) {
  const double max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(x - max);
  std::vector<double> out;
  for (const float x : logits) out.push_back(x - max - std::log(sum));
  return out;
}

class LlamaAgainstPyTorchTest : public testing::TestWithParam<std::string> {};

TEST_P(LlamaAgainstPyTorchTest, LogProbabilitiesAgreeAndSoDoesTheBestTokenWhereThereIsNoTie) {
  constexpr double kTolerance = 1e-3;
  const auto expected = Expected(GetParam());
  const auto tokens = expected["tokens"].get<std::vector<int32_t>>();
  std::set<int> wanted;
  for (const auto& [position, unused] : expected["log_probs"].items()) wanted.insert(std::stoi(position));
  ModelRunner runner(Fixture(GetParam()),
                     {.threads = 2, .max_rows = 128, .max_positions = 8320, .num_blocks = 260, .shuffle = 1});
  const auto logits = runner.LogitsAt(tokens, wanted, 128);
  ASSERT_EQ(logits.size(), wanted.size());
  size_t i = 0;
  for (const int position : wanted) {
    const auto want = expected["log_probs"][std::to_string(position)].get<std::vector<double>>();
    const auto got = LogSoftmax(logits[i++]);
    for (size_t token = 0; token < want.size(); ++token) {
      EXPECT_NEAR(got[token], want[token], kTolerance) << "position " << position << ", token " << token;
    }
    auto sorted = want;
    std::sort(sorted.rbegin(), sorted.rend());
    if (sorted[0] - sorted[1] > 2 * kTolerance) {
      EXPECT_EQ(std::max_element(got.begin(), got.end()) - got.begin(),
                std::max_element(want.begin(), want.end()) - want.begin());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, LlamaAgainstPyTorchTest,
                         testing::Values("gqa_bf16_scaled", "mha_f16", "mqa_f32", "long_bf16_scaled",
                                         "llama2_mha_f16", "codellama_gqa_bf16", "tied_mqa_bf16_scaled_32",
                                         "mixed_types", "views_f32", "shards2_bf16", "llama2_shards4_f16",
                                         "llama2_shards8_bf16"));

// Logits of every position, the plainest way: one thread, one row a step.
class LlamaBitsTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    tokens_ = Expected(GetParam())["tokens"].get<std::vector<int32_t>>();
    tokens_.resize(std::min<size_t>(tokens_.size(), 300));
    for (int i = 0; i < static_cast<int>(tokens_.size()); ++i) all_.insert(i);
    ModelRunner plain(Fixture(GetParam()), {.threads = 1});
    want_ = plain.LogitsAt(tokens_, all_, 1);
  }
  void TearDown() override { UseInstructionSet(""); }

  // Equal as numbers is equal as bits here: no logit is -0 in one and +0 in the other unless they differ, and
  // NaN fails.
  void ExpectSame(const std::vector<ModelRunner::Logits>& got, const std::string& how) const {
    ASSERT_EQ(got.size(), want_.size()) << how;
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(std::memcmp(got[i].data(), want_[i].data(), want_[i].size() * sizeof(float)), 0)
          << how << ", position " << i;
    }
  }

  std::vector<int32_t> tokens_;
  std::set<int> all_;
  std::vector<ModelRunner::Logits> want_;
};

TEST_P(LlamaBitsTest, TheSameForAnyNumberOfThreads) {
  for (const int threads : {2, 3, 4}) {
    ModelRunner runner(Fixture(GetParam()), {.threads = threads});
    ExpectSame(runner.LogitsAt(tokens_, all_, 1), std::to_string(threads) + " threads, row by row");
    ExpectSame(runner.LogitsAt(tokens_, all_, 64), std::to_string(threads) + " threads, in chunks");
  }
}

TEST_P(LlamaBitsTest, TheSameHoweverThePromptIsCut) {
  ModelRunner runner(Fixture(GetParam()), {.threads = 2, .max_rows = 300});
  for (const int chunk : {2, 3, 7, 31, 32, 33, 100, 300}) {
    ExpectSame(runner.LogitsAt(tokens_, all_, chunk), "chunks of " + std::to_string(chunk));
  }
}

TEST_P(LlamaBitsTest, TheSameWhateverElseIsInTheBatchAndWhereverItsBlocksLie) {
  std::mt19937 random(4);
  for (unsigned round = 0; round < 4; ++round) {
    ModelRunner runner(Fixture(GetParam()),
                       {.threads = 2, .max_rows = 96, .num_blocks = 64, .shuffle = round});
    std::vector<ModelRunner::Sequence> sequences(5);
    std::vector<ModelRunner::Sequence*> all;
    for (auto& s : sequences) {
      s.tokens = tokens_;
      if (&s != &sequences[2]) std::shuffle(s.tokens.begin(), s.tokens.end(), random);
      all.push_back(&s);
    }
    sequences[2].wanted = all_;
    while (sequences[2].remaining() > 0) {
      std::vector<int> rows;
      int left = runner.max_rows();
      for (const auto& s : sequences) {
        const int most = std::min({s.remaining(), left, 40});
        rows.push_back(static_cast<int>(random() % static_cast<unsigned>(most + 1)));
        left -= rows.back();
      }
      if (left < runner.max_rows()) runner.Step(all, rows);
    }
    ExpectSame(sequences[2].logits, "round " + std::to_string(round));
  }
}

TEST_P(LlamaBitsTest, TheSameWithEveryInstructionSetOfThisMachine) {
  for (const std::string& name : AvailableInstructionSets()) {
    UseInstructionSet(name);
    ModelRunner runner(Fixture(GetParam()), {.threads = 2});
    ExpectSame(runner.LogitsAt(tokens_, all_, 1), name + ", row by row");
    ExpectSame(runner.LogitsAt(tokens_, all_, 50), name + ", in chunks");
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, LlamaBitsTest,
                         testing::Values("gqa_bf16_scaled", "mha_f16", "mqa_f32", "llama2_mha_f16",
                                         "mixed_types", "llama2_shards4_f16"));

TEST(LlamaTest, RowsThatWantNoLogitsGetNone) {
  ModelRunner runner(Fixture("mqa_f32"), {});
  EXPECT_TRUE(runner.LogitsAt({1, 2, 3}, {}, 3).empty());
  EXPECT_EQ(runner.LogitsAt({1, 2, 3}, {1}, 3).size(), 1u);
}

TEST(LlamaDeathTest, ABatchThatBreaksItsPromiseIsCaughtAtTheDoor) {
  ModelRunner runner(Fixture("mqa_f32"), {});
  ModelRunner::Sequence sequence{.tokens = {33}, .computed = 0, .blocks = {}, .wanted = {}, .logits = {}};
  EXPECT_DEATH(runner.Step({&sequence}, {1}), "token 33");
  sequence.tokens = {1};
  sequence.blocks = {128};
  EXPECT_DEATH(runner.Step({&sequence}, {1}), "block 128");
}

}  // namespace
}  // namespace puna
