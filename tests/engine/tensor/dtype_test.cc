#include "engine/tensor/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/tensor/matrix_view.h"

namespace puna {
namespace {

// IEEE 754 binary16 by its definition.
double ValueOfHalf(uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int fraction = bits & 1023;
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 31) return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : NAN;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

TEST(DTypeTest, EveryHalfWidensToItsValue) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const double expected = ValueOfHalf(static_cast<uint16_t>(bits));
    const float got = ToF32(f16{static_cast<uint16_t>(bits)});
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(got)) << bits;
    } else {
      EXPECT_EQ(static_cast<double>(got), expected) << bits;
      EXPECT_EQ(std::signbit(got), std::signbit(expected)) << bits;
    }
  }
}

TEST(DTypeTest, BrainFloatIsTheUpperHalfOfAFloat) {
  EXPECT_EQ(ToF32(bf16{0x3f80}), 1.0f);
  EXPECT_EQ(ToF32(bf16{0xc049}), -3.140625f);
  EXPECT_TRUE(std::isnan(ToF32(bf16{0x7fc0})));
}

TEST(DTypeTest, SizesAndNamesAreThoseOfTheFile) {
  EXPECT_EQ(SizeOf(DType::kBF16), 2u);
  EXPECT_EQ(SizeOf(DType::kF16), 2u);
  EXPECT_EQ(SizeOf(DType::kF32), 4u);
  EXPECT_EQ(Name(DType::kBF16), "bf16");
}

TEST(MatrixViewTest, ElementsAreFoundByRowAndColumnInEachType) {
  const uint16_t halves[] = {0x3c00, 0x4000, 0x4200, 0x4400};  // 1, 2, 3, 4
  const MatrixView half{
      .dtype = DType::kF16, .rows = 2, .cols = 2, .data = reinterpret_cast<const std::byte*>(halves)};
  EXPECT_EQ(At(half, 1, 0), 3.0f);
  EXPECT_EQ(half.RowStride(), 4u);
  EXPECT_EQ(half.Bytes(), 8u);
  const uint16_t brains[] = {0x3f80, 0x4000, 0x4040, 0x4080};
  const MatrixView brain{
      .dtype = DType::kBF16, .rows = 2, .cols = 2, .data = reinterpret_cast<const std::byte*>(brains)};
  EXPECT_EQ(At(brain, 1, 1), 4.0f);
  const float floats[] = {5.0f, 6.0f, 7.0f};
  const VectorView vector{
      .dtype = DType::kF32, .size = 3, .data = reinterpret_cast<const std::byte*>(floats)};
  EXPECT_EQ(At(vector, 2), 7.0f);
}

}  // namespace
}  // namespace puna
