#include "engine/ops/elementwise.h"

#include <limits>

#include "engine/ops/reference.h"
#include "tests/engine/ops/kernel_test.h"

namespace puna {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr size_t kSizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100, 1023};

class ElementwiseTest : public KernelTest {};
INSTANTIATE_KERNEL_TEST(ElementwiseTest);

TEST_P(ElementwiseTest, SiluMulEqualsReferenceBitForBit) {
  Random random(1);
  for (const size_t n : kSizes) {
    std::vector<float> got = random.Normals(n);
    for (float& x : got) x *= 20;
    std::vector<float> want = got;
    const std::vector<float> up = random.Normals(n);
    SiluMul(got, up);
    reference::SiluMul(want, up);
    EXPECT_TRUE(SameBits(got, want)) << n;
  }
}

// The vector exp inside, over the whole range in fine steps and at its ends.
TEST_P(ElementwiseTest, SiluMulEqualsReferenceOverTheWholeRangeOfExp) {
  std::vector<float> got;
  for (float x = -100.0f; x < 100.0f; x += 0.00123f) got.push_back(x);
  for (const float x :
       {0.0f, -0.0f, kInfinity, -kInfinity, kNaN, 87.0f, -88.0f, 88.0f, -87.0f, 1e-40f, 3e38f}) {
    got.push_back(x);
    got.push_back(std::nextafter(x, kInfinity));
    got.push_back(std::nextafter(x, -kInfinity));
  }
  std::vector<float> want = got;
  const std::vector<float> ones(got.size(), 1.0f);
  SiluMul(got, ones);
  reference::SiluMul(want, ones);
  EXPECT_TRUE(SameBits(got, want));
}

TEST_P(ElementwiseTest, AddAddsEveryElement) {
  Random random(2);
  for (const size_t n : kSizes) {
    std::vector<float> x = random.Normals(n);
    const std::vector<float> before = x;
    const std::vector<float> delta = random.Normals(n);
    Add(delta, x);
    for (size_t i = 0; i < n; ++i) ASSERT_TRUE(SameBits(x[i], before[i] + delta[i])) << i << " of " << n;
  }
}

TEST_P(ElementwiseTest, EmbedRowWidensExactlyOneRow) {
  Random random(3);
  for (const DType dtype : kAllTypes) {
    for (const size_t cols : kSizes) {
      const TestMatrix table = RandomMatrix(dtype, 4, cols, random, 1);
      for (int64_t row = 0; row < 4; ++row) {
        std::vector<float> got(cols);
        EmbedRow(table.view(), row, got);
        for (size_t i = 0; i < cols; ++i) {
          ASSERT_TRUE(SameBits(got[i], At(table.view(), row, static_cast<int64_t>(i))))
              << Name(dtype) << ' ' << i;
        }
      }
    }
  }
}

// All 65536 values of both half types: the vector conversions against the scalar ones.
TEST_P(ElementwiseTest, EveryHalfValueIsWidenedExactly) {
  std::vector<uint16_t> all(65536);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    const MatrixView table{dtype, 1, 65536, reinterpret_cast<const std::byte*>(all.data())};
    std::vector<float> got(all.size());
    EmbedRow(table, 0, got);
    for (size_t i = 0; i < all.size(); ++i) {
      ASSERT_TRUE(SameBits(got[i], At(table, 0, static_cast<int64_t>(i)))) << Name(dtype) << ' ' << i;
    }
  }
}

TEST_P(ElementwiseTest, ARowOfATableInPiecesIsPutTogether) {
  Random random(5);
  for (const DType dtype : kAllTypes) {
    const TestMatrix whole = RandomMatrix(dtype, 8, 8 * 13, random);
    for (const bool by_columns : {false, true}) {
      const PiecedMatrix table(whole.view(), 8, by_columns);
      for (int64_t row = 0; row < 8; ++row) {
        std::vector<float> want(8 * 13), got(8 * 13);
        EmbedRow(whole.view(), row, want);
        EmbedRow(table.view(), row, got);
        EXPECT_TRUE(SameBits(got, want)) << Name(dtype) << ", row " << row;
      }
    }
  }
}

TEST_P(ElementwiseTest, ArgMaxFindsTheLowestOfEqualIndexes) {
  for (const size_t n : kSizes) {
    for (size_t first = 0; first < n; ++first) {
      std::vector<float> logits(n, -1.0f);
      for (size_t i = first; i < n; i += 3) logits[i] = 2.5f;
      EXPECT_EQ(ArgMax(logits), static_cast<int32_t>(first)) << n;
    }
  }
}

TEST_P(ElementwiseTest, ArgMaxOfZerosOfBothSignsIsTheFirst) {
  std::vector<float> logits(20, -1.0f);
  logits[3] = -0.0f;
  logits[11] = 0.0f;
  EXPECT_EQ(ArgMax(logits), 3);
}

TEST_P(ElementwiseTest, NaNNeverWinsArgMaxUnlessAllAreNaN) {
  for (const size_t n : kSizes) {
    EXPECT_EQ(ArgMax(std::vector<float>(n, kNaN)), 0);
    for (const float value : {-kInfinity, -3e38f, 0.0f, kInfinity}) {
      std::vector<float> logits(n, kNaN);
      logits[n / 2] = value;
      EXPECT_EQ(ArgMax(logits), static_cast<int32_t>(n / 2)) << n << ", " << value;
    }
  }
}

}  // namespace
}  // namespace puna
