#include "engine/sampling/logprobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace puna {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::IsEmpty;

std::vector<int32_t> Ids(const TokenLogprobs& logprobs) {
  std::vector<int32_t> ids;
  for (const TokenLogprob& entry : logprobs.top) ids.push_back(entry.token);
  return ids;
}

TEST(LogprobsTest, AreTheLogarithmsOfTheSoftmax) {
  const std::vector<float> logits = {std::log(1.0f), std::log(2.0f), std::log(5.0f)};
  const TokenLogprobs logprobs = Logprobs(logits, 1, 2);
  EXPECT_THAT(logprobs.chosen, FloatNear(std::log(0.25f), 1e-6f));
  EXPECT_THAT(Ids(logprobs), ElementsAre(2, 1));
  EXPECT_THAT(logprobs.top[0].logprob, FloatNear(std::log(0.625f), 1e-6f));
  EXPECT_EQ(logprobs.top[1].logprob, logprobs.chosen);
}

TEST(LogprobsTest, TopIsSortedAndOfEqualsTheLowestIdComesFirst) {
  const std::vector<float> logits = {1, 3, 2, 3, 0, 2};
  EXPECT_THAT(Ids(Logprobs(logits, 0, 5)), ElementsAre(1, 3, 2, 5, 0));
  EXPECT_THAT(Ids(Logprobs(logits, 0, 50)), ElementsAre(1, 3, 2, 5, 0, 4));
  EXPECT_THAT(Logprobs(logits, 0, 0).top, IsEmpty());
}

TEST(LogprobsTest, ProbabilitiesOfALargeVocabularySumToOne) {
  std::vector<float> logits(128256);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>((i * 7919) % 1000) / 50.0f;
  const TokenLogprobs all = Logprobs(logits, 0, static_cast<int>(logits.size()));
  double sum = 0.0;
  for (const TokenLogprob& entry : all.top) sum += std::exp(static_cast<double>(entry.logprob));
  EXPECT_NEAR(sum, 1.0, 1e-5);
}

TEST(LogprobsTest, ZeroProbabilityIsANumberThatJsonCanSay) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> logits = {0.0f, -kInfinity, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_EQ(Logprobs(logits, 0, 0).chosen, 0.0f);
  EXPECT_EQ(Logprobs(logits, 1, 0).chosen, kZeroProbabilityLog);
  EXPECT_EQ(Logprobs(logits, 2, 0).chosen, kZeroProbabilityLog);
}

}  // namespace
}  // namespace puna
