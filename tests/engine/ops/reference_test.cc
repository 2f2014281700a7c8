#include "engine/ops/reference.h"

#include <cmath>
#include <limits>

#include "tests/engine/ops/kernel_test.h"

namespace puna {
namespace {

// Every 64th float of the range, and all around its ends.
TEST(ReferenceExpTest, IsWithinTwoTenMillionthsOfTheTrueValue) {
  const auto check = [](float x) {
    const double want = std::exp(double{x});
    ASSERT_NEAR(reference::Exp(x) / want, 1.0, 2e-7) << x;
  };
  for (const float end : {reference::kExpLowest, reference::kExpHighest}) {
    const auto last = std::bit_cast<uint32_t>(end);
    for (uint32_t bits = std::bit_cast<uint32_t>(std::copysign(0.0f, end)); bits <= last; bits += 64) {
      check(std::bit_cast<float>(bits));
    }
    for (uint32_t bits = last - 1000; bits <= last; ++bits) check(std::bit_cast<float>(bits));
  }
}

TEST(ReferenceExpTest, EndsInZeroInfinityAndNaN) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(reference::Exp(0.0f), 1.0f);
  EXPECT_EQ(reference::Exp(-0.0f), 1.0f);
  EXPECT_EQ(reference::Exp(std::nextafter(reference::kExpLowest, -kInfinity)), 0.0f);
  EXPECT_EQ(reference::Exp(-kInfinity), 0.0f);
  EXPECT_EQ(reference::Exp(std::nextafter(reference::kExpHighest, kInfinity)), kInfinity);
  EXPECT_EQ(reference::Exp(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(reference::Exp(std::numeric_limits<float>::quiet_NaN())));
}

TEST(ReferenceSumLanesTest, AddsByHalving) {
  // Halving meets 1e8 with -1e8 first and keeps the rest exact; ascending order would lose the ones.
  float lanes[reference::kLanes] = {1e8f, 1, 1, 1, 1, 1, 1, 1, -1e8f, 1, 1, 1, 1, 1, 1, 1};
  EXPECT_EQ(reference::SumLanes(lanes), 14.0f);
}

// The definition itself, checked where every step is exact or its order shows.
TEST(ReferenceDotTest, AddsNeighboursInOneLane) {
  // Elements 0 and 1 share lane 0: (2^24 + 1) is rounded to 2^24 before the other lanes are added.
  std::vector<float> x(32, 0.0f);
  x[0] = 0x1p24f;
  x[1] = 1.0f;
  x[2] = -0x1p24f;
  const TestMatrix ones(DType::kF32, 1, 32, std::vector<float>(32, 1.0f));
  EXPECT_EQ(reference::Dot(x, ones.view(), 0), 0.0f);
  // In lanes of their own that are added later the one survives.
  x[1] = 0.0f;
  x[31] = 1.0f;
  EXPECT_EQ(reference::Dot(x, ones.view(), 0), 1.0f);
}

TEST(ReferenceDotTest, IsCloseToTheSumInDouble) {
  Random random(1);
  for (const size_t cols : Sizes{1, 100, 512, 513, 4096, 14336}) {
    const std::vector<float> x = random.Normals(cols);
    const TestMatrix weight = RandomMatrix(DType::kBF16, 1, cols, random);
    double want = 0;
    double size = 0;
    for (size_t i = 0; i < cols; ++i) {
      const double product = double{x[i]} * double{At(weight.view(), 0, static_cast<int64_t>(i))};
      want += product;
      size += std::abs(product);
    }
    // Each lane rounds at most 32 times a block, then 4 steps of the tree and one per block.
    const double steps = 32 + 4 + static_cast<double>(cols) / 512 + 1;
    EXPECT_NEAR(reference::Dot(x, weight.view(), 0), want, steps * 0x1p-24 * size) << cols;
  }
}

}  // namespace
}  // namespace puna
