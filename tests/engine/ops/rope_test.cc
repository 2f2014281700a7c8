#include "engine/ops/rope.h"

#include <cmath>

#include "engine/ops/reference.h"
#include "tests/engine/ops/kernel_test.h"

namespace puna {
namespace {

class RopeTest : public KernelTest {};
INSTANTIATE_KERNEL_TEST(RopeTest);

TEST_P(RopeTest, EqualsReferenceBitForBitForEveryHeadDim) {
  Random random(1);
  for (const int head_dim : {2, 4, 6, 8, 16, 24, 30, 32, 34, 64, 128}) {
    const RopeTable table(head_dim, 500000.0f, RopeScaling(), 50);
    for (const int heads : {1, 3}) {
      for (const int position : {0, 1, 7, 49}) {
        std::vector<float> got = random.Normals(static_cast<size_t>(heads * head_dim));
        std::vector<float> want = got;
        ApplyRope(table, position, got);
        reference::ApplyRope(table.Cos(position), table.Sin(position), want);
        EXPECT_TRUE(SameBits(got, want)) << head_dim << " at " << position;
      }
    }
  }
}

// The angle is an f32 by definition; its sine and cosine are rounded once. Frequencies restated from Meta's
// reference code.
TEST(RopeTableTest, HoldsTheCorrectlyRoundedCosineAndSineOfTheF32Angle) {
  for (const float theta : {10000.0f, 500000.0f}) {
    const int head_dim = 64;
    const int positions = 140000;
    const RopeTable table(head_dim, theta, std::nullopt, positions);
    for (int i = 0; i < head_dim / 2; ++i) {
      const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim);
      const float frequency = 1.0f / static_cast<float>(std::pow(double{theta}, double{exponent}));
      for (int position = 0; position < positions; position += 97) {
        const float angle = static_cast<float>(position) * frequency;
        const auto at = static_cast<size_t>(i);
        ASSERT_EQ(table.Cos(position)[at], static_cast<float>(std::cos(double{angle})))
            << position << ' ' << i;
        ASSERT_EQ(table.Sin(position)[at], static_cast<float>(std::sin(double{angle})))
            << position << ' ' << i;
      }
    }
  }
}

float FrequencyOf(const RopeTable& table, size_t i) { return std::atan2(table.Sin(1)[i], table.Cos(1)[i]); }

TEST(RopeTableTest, ScalingKeepsHighFrequenciesAndStretchesLowOnes) {
  const int head_dim = 128;
  const RopeScaling scaling{8.0f, 1.0f, 4.0f, 8192.0f};
  const RopeTable plain(head_dim, 500000.0f, std::nullopt, 2);
  const RopeTable scaled(head_dim, 500000.0f, scaling, 2);
  int kept = 0;
  int stretched = 0;
  int between = 0;
  for (size_t i = 0; i < 64; ++i) {
    const double frequency = std::pow(500000.0, -2.0 * static_cast<double>(i) / head_dim);
    const double wavelength = 2 * M_PI / frequency;
    double want = frequency;
    if (wavelength > 8192) {
      want = frequency / 8;
      ++stretched;
    } else if (wavelength >= 2048) {
      const double smooth = (8192 / wavelength - 1) / 3;
      want = (1 - smooth) * frequency / 8 + smooth * frequency;
      ++between;
    } else {
      ++kept;
      EXPECT_EQ(scaled.Sin(1)[i], plain.Sin(1)[i]) << i;
    }
    EXPECT_NEAR(FrequencyOf(scaled, i) / want, 1.0, 1e-6) << i;
  }
  EXPECT_GT(kept, 0);
  EXPECT_GT(stretched, 0);
  EXPECT_GT(between, 0);
}

TEST(RopeTableTest, PositionZeroTurnsNothing) {
  const RopeTable table(64, 500000.0f, RopeScaling(), 1);
  for (size_t i = 0; i < 32; ++i) {
    EXPECT_EQ(table.Cos(0)[i], 1.0f);
    EXPECT_EQ(table.Sin(0)[i], 0.0f);
  }
}

}  // namespace
}  // namespace puna
