#include "engine/sampling/exp_log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace puna {
namespace {

TEST(ExpLogTest, ExpIsWithinAFewUnitsOfTheTrueValue) {
  EXPECT_EQ(ExpOfNegative(0.0), 1.0);
  for (double x = -690.0; x < 0.0; x += 0.00931) {
    // long double has eleven more bits than double on x86 and is its own judge elsewhere.
    const auto want = static_cast<double>(std::exp(static_cast<long double>(x)));
    ASSERT_NEAR(ExpOfNegative(x) / want, 1.0, 4 * std::numeric_limits<double>::epsilon()) << x;
  }
}

TEST(ExpLogTest, ExpOfWhatHasNoWeightIsZero) {
  EXPECT_EQ(ExpOfNegative(-701.0), 0.0);
  EXPECT_EQ(ExpOfNegative(-1e300), 0.0);
  EXPECT_EQ(ExpOfNegative(-std::numeric_limits<double>::infinity()), 0.0);
  EXPECT_EQ(ExpOfNegative(std::numeric_limits<double>::quiet_NaN()), 0.0);
}

TEST(ExpLogTest, LogIsWithinAFewUnitsOfTheTrueValue) {
  EXPECT_EQ(Log(1.0), 0.0);
  for (double x = 0.5; x < 1e6; x *= 1.00013) {
    const auto want = static_cast<double>(std::log(static_cast<long double>(x)));
    ASSERT_NEAR(Log(x), want, 4 * std::numeric_limits<double>::epsilon() * std::max(std::abs(want), 1e-3))
        << x;
  }
}

}  // namespace
}  // namespace puna
