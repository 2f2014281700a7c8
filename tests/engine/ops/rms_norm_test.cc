#include "engine/ops/rms_norm.h"

#include "engine/ops/reference.h"
#include "tests/engine/ops/kernel_test.h"

namespace puna {
namespace {

class RmsNormTest : public KernelTest {};
INSTANTIATE_KERNEL_TEST(RmsNormTest);

TEST_P(RmsNormTest, EqualsReferenceBitForBitForEveryTailAndType) {
  Random random(1);
  for (const DType dtype : kAllTypes) {
    for (const size_t dim :
         Sizes{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 192, 1000, 2048, 4099}) {
      const std::vector<float> x = random.Normals(dim);
      const TestMatrix weight = RandomMatrix(dtype, 1, dim, random, dim % 5);
      std::vector<float> got(dim), want(dim);
      RmsNorm(x, weight.vector(), 1e-5f, got);
      reference::RmsNorm(x, weight.vector(), 1e-5f, want);
      EXPECT_TRUE(SameBits(got, want)) << Name(dtype) << ", dim " << dim;
    }
  }
}

TEST_P(RmsNormTest, OutputMayBeTheInput) {
  Random random(2);
  const std::vector<float> x = random.Normals(77);
  const TestMatrix weight = RandomMatrix(DType::kBF16, 1, 77, random);
  std::vector<float> in_place = x, apart(77);
  RmsNorm(x, weight.vector(), 1e-5f, apart);
  RmsNorm(in_place, weight.vector(), 1e-5f, in_place);
  EXPECT_TRUE(SameBits(in_place, apart));
}

TEST_P(RmsNormTest, ZerosAndTinyValuesStayFinite) {
  const TestMatrix ones(DType::kF32, 1, 20, std::vector<float>(20, 1.0f));
  for (const float value : {0.0f, -0.0f, 1e-40f, -1e-30f}) {
    const std::vector<float> x(20, value);
    std::vector<float> got(20), want(20);
    RmsNorm(x, ones.vector(), 1e-5f, got);
    reference::RmsNorm(x, ones.vector(), 1e-5f, want);
    EXPECT_TRUE(SameBits(got, want)) << value;
    EXPECT_TRUE(std::isfinite(got[0])) << value;
  }
}

}  // namespace
}  // namespace puna
