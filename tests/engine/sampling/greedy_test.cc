#include "engine/sampling/greedy.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace puna {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(GreedyTest, FindsTheLargestWhereverItIs) {
  for (const size_t size : {1u, 2u, 15u, 16u, 17u, 31u, 33u, 100u}) {
    for (size_t largest = 0; largest < size; ++largest) {
      std::vector<float> logits(size, -2.5f);
      logits[largest] = -1.0f;
      ASSERT_EQ(Greedy(logits), static_cast<int32_t>(largest)) << "of " << size;
    }
  }
}

TEST(GreedyTest, OfEqualsTheLowestIdWins) {
  std::vector<float> logits(40, 0.0f);
  logits[37] = 1.0f;
  logits[21] = 1.0f;
  EXPECT_EQ(Greedy(logits), 21);
  EXPECT_EQ(Greedy(std::vector<float>(40, -kInfinity)), 0);
}

TEST(GreedyTest, NanNeverWinsUnlessAllAre) {
  std::vector<float> logits(20, kNaN);
  EXPECT_EQ(Greedy(logits), 0);
  logits[19] = -kInfinity;
  EXPECT_EQ(Greedy(logits), 19);
  logits[3] = -5.0f;
  EXPECT_EQ(Greedy(logits), 3);
}

}  // namespace
}  // namespace puna
