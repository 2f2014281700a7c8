#include "engine/sampling/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace puna {
namespace {

using ::testing::ElementsAre;

// From the known-answer tests of the authors' Random123.
TEST(RandomTest, PhiloxGivesThePublishedNumbers) {
  EXPECT_THAT(Philox({0, 0, 0, 0}, {0, 0}), ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(Philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(Philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(RandomTest, UniformIsInRangeAndDiffersBySeedChoiceAndIndex) {
  std::set<double> seen;
  double sum = 0.0;
  int count = 0;
  for (uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32, ~uint64_t{0}}) {
    for (uint32_t choice = 0; choice < 4; ++choice) {
      for (uint64_t index = 0; index < 1000; ++index) {
        const double uniform = UniformFor(seed, choice, index);
        ASSERT_GE(uniform, 0.0);
        ASSERT_LT(uniform, 1.0);
        seen.insert(uniform);
        sum += uniform;
        ++count;
      }
    }
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(count));
  EXPECT_NEAR(sum / count, 0.5, 0.01);
  EXPECT_EQ(UniformFor(7, 1, 3), UniformFor(7, 1, 3));
}

}  // namespace
}  // namespace puna
