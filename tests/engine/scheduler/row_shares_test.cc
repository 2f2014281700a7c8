#include "engine/scheduler/row_shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace puna {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<int> Share(std::vector<int> remaining, int rows) {
  return ShareRows(remaining, rows, [](size_t) { return true; });
}

TEST(RowSharesTest, OnePromptTakesWhatItNeeds) {
  EXPECT_THAT(Share({100}, 8), ElementsAre(8));
  EXPECT_THAT(Share({3}, 8), ElementsAre(3));
  EXPECT_THAT(Share({}, 8), IsEmpty());
}

TEST(RowSharesTest, HugeOldestPromptLeavesHalfToSmallOnesShortestFirst) {
  EXPECT_THAT(Share({1000, 5, 2}, 8), ElementsAre(4, 2, 2));
  EXPECT_THAT(Share({1000, 2}, 8), ElementsAre(6, 2));
}

TEST(RowSharesTest, OldestKeepsItsHalfHoweverManyShortOnesCome) {
  EXPECT_THAT(Share({1000, 3, 3, 3, 3}, 7), ElementsAre(4, 3, 0, 0, 0));
  EXPECT_THAT(Share({1000, 1}, 1), ElementsAre(1, 0));
}

TEST(RowSharesTest, WhatTheOldestLeavesGoesToTheOthers) {
  EXPECT_THAT(Share({1, 20, 10}, 8), ElementsAre(1, 0, 7));
}

TEST(RowSharesTest, OnlyThoseThatWouldGetRowsAreAsked) {
  std::vector<size_t> asked;
  const std::vector<int> remaining = {10, 3, 2, 4};
  const auto shares = ShareRows(remaining, 6, [&](size_t prompt) {
    asked.push_back(prompt);
    return prompt != 2;
  });
  EXPECT_THAT(asked, ElementsAre(0, 2, 1));
  EXPECT_THAT(shares, ElementsAre(3, 3, 0, 0));
}

TEST(RowSharesTest, NoRowsNoShares) { EXPECT_THAT(Share({5, 5}, 0), ElementsAre(0, 0)); }

}  // namespace
}  // namespace puna
