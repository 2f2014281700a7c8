#include "engine/base/histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace puna {
namespace {

using ::testing::ElementsAre;

constexpr double kBounds[] = {1, 2, 4};

TEST(HistogramTest, AValueOnABoundBelongsBelowIt) {
  Histogram histogram(kBounds);
  for (const double value : {0.0, 1.0, 1.5, 2.0, 4.0, 4.5, 100.0}) histogram.Add(value);
  EXPECT_THAT(histogram.counts(), ElementsAre(2, 2, 1, 2));
  EXPECT_EQ(histogram.total(), 7);
  EXPECT_EQ(histogram.sum(), 113.0);
}

TEST(HistogramTest, ACopyStaysWhatItWas) {
  Histogram histogram(kBounds);
  histogram.Add(1);
  const Histogram copy = histogram;
  histogram.Add(1);
  EXPECT_EQ(copy.total(), 1);
  EXPECT_EQ(histogram.total(), 2);
}

TEST(HistogramDeathTest, BoundsThatDoNotAscendAreAMistakeOfOurs) {
  static constexpr double kTwice[] = {1, 1};
  EXPECT_DEATH(Histogram histogram(kTwice), "ascend");
}

}  // namespace
}  // namespace puna
