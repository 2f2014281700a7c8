#include "engine/sampling/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

namespace puna {
namespace {

using ::testing::ElementsAre;
using ::testing::Key;
using ::testing::Pair;

const std::vector<float> kLogits = {std::log(0.1f), std::log(0.2f), std::log(0.4f), std::log(0.3f)};

SamplingParams Hot(float temperature = 1.0f) {
  SamplingParams params;
  params.temperature = temperature;
  params.seed = 42;
  return params;
}

std::vector<int32_t> Choices(Sampler sampler, int n, const std::vector<float>& logits = kLogits) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < n; ++i) tokens.push_back(sampler.Choose(logits));
  return tokens;
}

// How often each token is chosen, as a share.
std::map<int32_t, double> Shares(const SamplingParams& params, const std::vector<float>& logits = kLogits) {
  constexpr int kDraws = 20000;
  std::map<int32_t, double> shares;
  for (const int32_t token : Choices(Sampler(params, {}, 0), kDraws, logits)) shares[token] += 1.0 / kDraws;
  return shares;
}

MATCHER_P(Near, want, "") { return std::abs(arg - want) < 0.015; }

TEST(SamplerTest, DefaultIsGreedy) { EXPECT_THAT(Choices(Sampler({}, {}, 0), 3), ElementsAre(2, 2, 2)); }

TEST(SamplerTest, TemperatureOneDrawsByTheModelsDistribution) {
  EXPECT_THAT(Shares(Hot()),
              ElementsAre(Pair(0, Near(0.1)), Pair(1, Near(0.2)), Pair(2, Near(0.4)), Pair(3, Near(0.3))));
}

TEST(SamplerTest, TemperatureSharpensAndFlattens) {
  // Halving the temperature squares the probabilities: 1, 4, 16, 9 of 30.
  EXPECT_THAT(Shares(Hot(0.5f)), ElementsAre(Pair(0, Near(1 / 30.0)), Pair(1, Near(4 / 30.0)),
                                             Pair(2, Near(16 / 30.0)), Pair(3, Near(9 / 30.0))));
  EXPECT_THAT(Shares(Hot(1e-30f)), ElementsAre(Key(2)));
}

TEST(SamplerTest, TopKKeepsTheMostProbable) {
  SamplingParams params = Hot();
  params.top_k = 2;
  EXPECT_THAT(Shares(params), ElementsAre(Pair(2, Near(4 / 7.0)), Pair(3, Near(3 / 7.0))));
  params.top_k = 1;
  EXPECT_THAT(Shares(params), ElementsAre(Key(2)));
  params.top_k = 100;
  EXPECT_EQ(Shares(params).size(), 4u);
}

TEST(SamplerTest, TopPKeepsTheFewestThatHoldTheShare) {
  SamplingParams params = Hot();
  params.top_p = 0.65f;  // 0.4 + 0.3
  EXPECT_THAT(Shares(params), ElementsAre(Key(2), Key(3)));
  params.top_p = 0.75f;
  EXPECT_THAT(Shares(params), ElementsAre(Key(1), Key(2), Key(3)));
  params.top_p = 1e-9f;
  EXPECT_THAT(Shares(params), ElementsAre(Key(2)));
}

TEST(SamplerTest, TopPTakesItsShareOfWhatTopKLeft) {
  SamplingParams params = Hot();
  params.top_k = 2;      // 4/7 and 3/7
  params.top_p = 0.56f;  // of all it would be two tokens, of these two it is one
  EXPECT_THAT(Shares(params), ElementsAre(Key(2)));
}

TEST(SamplerTest, TopPOverALargeVocabularyFindsTheSameTokensAsAFullSort) {
  std::vector<float> logits(5000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = -0.01f * static_cast<float>((i * 2999) % 5000);
  SamplingParams params = Hot();
  params.top_p = 0.9f;  // sum of geometric weights: the first ln(10) / 0.01 = 230 tokens
  int32_t most = 0;
  for (const auto& [token, share] : Shares(params, logits)) {
    most = std::max(most, static_cast<int32_t>((static_cast<size_t>(token) * 2999) % 5000));
  }
  EXPECT_LE(most, 230);
  EXPECT_GT(most, 215);
}

TEST(SamplerTest, MinPIsRelativeToTheMostProbable) {
  SamplingParams params = Hot();
  params.min_p = 0.6f;  // at least 0.24
  EXPECT_THAT(Shares(params), ElementsAre(Key(2), Key(3)));
  params.min_p = 1.0f;
  EXPECT_THAT(Shares(params), ElementsAre(Key(2)));
}

TEST(SamplerTest, LogitBiasMovesAndBans) {
  SamplingParams params;
  params.logit_bias = {{0, 100.0f}};
  EXPECT_THAT(Choices(Sampler(params, {}, 0), 2), ElementsAre(0, 0));
  params.logit_bias = {{2, -100.0f}};
  EXPECT_THAT(Choices(Sampler(params, {}, 0), 2), ElementsAre(3, 3));
}

TEST(SamplerTest, PresencePenaltyCountsTheAnswerOnceAndNotThePrompt) {
  SamplingParams params;
  params.presence_penalty = 1.0f;  // logarithms are at most ln 4 apart
  const std::vector<int32_t> prompt = {2, 2, 2};
  // 2 loses 1.0: below 3 and 1; then 3 does: 1; then 1 does: all are down by 1 but 0.
  EXPECT_THAT(Choices(Sampler(params, prompt, 0), 5), ElementsAre(2, 3, 1, 2, 2));
}

TEST(SamplerTest, FrequencyPenaltyGrowsWithEachTime) {
  const std::vector<float> logits = {0.0f, 1.0f};
  SamplingParams params;
  params.frequency_penalty = 0.4f;
  EXPECT_THAT(Choices(Sampler(params, {}, 0), 6, logits), ElementsAre(1, 1, 1, 0, 1, 0));
}

TEST(SamplerTest, RepetitionPenaltyCountsThePromptToo) {
  const std::vector<float> logits = {1.0f, 1.5f, -1.0f};
  SamplingParams params;
  params.repetition_penalty = 2.0f;
  const std::vector<int32_t> prompt = {1};
  EXPECT_THAT(Choices(Sampler(params, prompt, 0), 2, logits), ElementsAre(0, 1));
  // A negative logit becomes smaller, not larger.
  const std::vector<float> negative = {-1.0f, -1.5f};
  const std::vector<int32_t> first = {0};
  EXPECT_THAT(Choices(Sampler(params, first, 0), 1, negative), ElementsAre(1));
}

TEST(SamplerTest, SeedReproducesAndChoicesAreIndependent) {
  SamplingParams params = Hot();
  const auto first = Choices(Sampler(params, {}, 1), 64);
  EXPECT_EQ(Choices(Sampler(params, {}, 2), 64), first);  // the engine's own seed does not matter
  params.choice = 1;
  EXPECT_NE(Choices(Sampler(params, {}, 1), 64), first);
  params.choice = 0;
  params.seed = 43;
  EXPECT_NE(Choices(Sampler(params, {}, 1), 64), first);
  params.seed.reset();
  EXPECT_NE(Choices(Sampler(params, {}, 1), 64), Choices(Sampler(params, {}, 2), 64));
}

TEST(SamplerTest, TokenDependsOnItsIndexAloneNotOnEarlierDraws) {
  // What the logits were before does not shift later random numbers.
  Sampler plain(Hot(), {}, 0);
  Sampler other(Hot(), {}, 0);
  plain.Choose(kLogits);
  other.Choose(std::vector<float>{9.0f, 0.0f, 0.0f, 0.0f});
  for (int i = 0; i < 32; ++i) EXPECT_EQ(plain.Choose(kLogits), other.Choose(kLogits));
}

TEST(SamplerTest, LogitsThatAreNoNumbersAreNeverDrawn) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> logits = {std::numeric_limits<float>::quiet_NaN(), -kInfinity, 0.0f, -kInfinity};
  EXPECT_THAT(Shares(Hot(), logits), ElementsAre(Key(2)));
  EXPECT_EQ(Shares(Hot(), std::vector<float>(3, -kInfinity)).size(), 3u);
}

TEST(SamplerTest, OnlyAllowedTokensAreChosenHoweverProbableOthersAre) {
  std::vector<float> logits(130, 1.0f);
  logits[7] = 50.0f;
  logits[129] = 2.0f;
  const std::vector<uint64_t> allowed = {0b1000, 0, 0b11};  // 3, 128, 129
  SamplingParams params;
  EXPECT_EQ(Sampler(params, {}, 0).Choose(logits, allowed), 129);
  EXPECT_EQ(Sampler(params, {}, 0).Choose(logits), 7);
  params.temperature = 2.0f;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const int32_t token = Sampler(params, {}, seed).Choose(logits, allowed);
    EXPECT_TRUE(token == 3 || token == 128 || token == 129) << token;
  }
}

TEST(SamplerTest, WithoutAnyProbabilityTheFirstAllowedTokenIsChosen) {
  const std::vector<float> logits(70, -std::numeric_limits<float>::infinity());
  const std::vector<uint64_t> allowed = {0, 0b100};
  SamplingParams params;
  EXPECT_EQ(Sampler(params, {}, 0).Choose(logits, allowed), 66);
  params.temperature = 1.0f;
  EXPECT_EQ(Sampler(params, {}, 0).Choose(logits, allowed), 66);
}

}  // namespace
}  // namespace puna
