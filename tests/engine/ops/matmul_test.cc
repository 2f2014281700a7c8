#include "engine/ops/matmul.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "engine/base/thread_pool.h"
#include "engine/ops/reference.h"
#include "tests/engine/ops/kernel_test.h"

namespace puna {
namespace {

class MatMulTest : public KernelTest {};
INSTANTIATE_KERNEL_TEST(MatMulTest);

struct Input {
  Input(size_t rows_in, size_t cols_in, Random& random)
      : rows(rows_in), cols(cols_in), stride(cols_in + 3), values(random.Normals(rows_in * (cols_in + 3))) {}
  std::span<const float> Row(size_t r) const { return {values.data() + r * stride, cols}; }

  size_t rows;
  size_t cols;
  size_t stride;
  std::vector<float> values;
};

// Runs one product into rows of `stride` floats, whose gaps must stay untouched.
std::vector<float> Multiply(ThreadPool& pool, const Input& x, const MatrixView& weight) {
  constexpr float kUntouched = 12345.0f;
  const auto n = static_cast<size_t>(weight.rows);
  const size_t stride = n + 5;
  std::vector<float> out(x.rows * stride, kUntouched);
  MatMulScratch scratch;
  scratch.Reserve(x.rows, x.cols);
  const Projection projection{weight, out.data(), static_cast<ptrdiff_t>(stride)};
  MatMul(pool, x.values.data(), static_cast<ptrdiff_t>(x.stride), x.rows, x.cols, {&projection, 1}, scratch);
  std::vector<float> dense;
  for (size_t r = 0; r < x.rows; ++r) {
    for (size_t i = 0; i < stride; ++i) {
      if (i < n) {
        dense.push_back(out[r * stride + i]);
      } else {
        EXPECT_EQ(out[r * stride + i], kUntouched) << "row " << r << " was written past its end";
      }
    }
  }
  return dense;
}

std::vector<float> Expected(const Input& x, const MatrixView& weight) {
  std::vector<float> out;
  for (size_t r = 0; r < x.rows; ++r) {
    for (int64_t n = 0; n < weight.rows; ++n) out.push_back(reference::Dot(x.Row(r), weight, n));
  }
  return out;
}

TEST_P(MatMulTest, EqualsReferenceBitForBitForEveryTailOfColumns) {
  Random random(1);
  ThreadPool pool(2);
  for (const DType dtype : kAllTypes) {
    for (const size_t cols :
         Sizes{1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 192, 511, 512, 513, 1000, 1024, 1025, 2053}) {
      for (const size_t rows : Sizes{1, 2, 3, 5}) {
        const Input x(rows, cols, random);
        const TestMatrix weight = RandomMatrix(dtype, 9, cols, random);
        EXPECT_TRUE(SameBits(Multiply(pool, x, weight.view()), Expected(x, weight.view())))
            << Name(dtype) << ", rows " << rows << ", cols " << cols;
      }
    }
  }
}

TEST_P(MatMulTest, EqualsReferenceBitForBitForEveryNumberOfRows) {
  Random random(2);
  ThreadPool pool(2);
  for (const size_t cols : Sizes{64, 520}) {
    const TestMatrix weight = RandomMatrix(DType::kBF16, 21, cols, random);
    for (size_t rows = 1; rows <= 70; ++rows) {
      const Input x(rows, cols, random);
      EXPECT_TRUE(SameBits(Multiply(pool, x, weight.view()), Expected(x, weight.view())))
          << "rows " << rows << ", cols " << cols;
    }
  }
  for (const size_t rows : Sizes{95, 96, 97, 191, 193, 300}) {
    const TestMatrix weight = RandomMatrix(DType::kBF16, 7, 544, random);
    const Input x(rows, 544, random);
    EXPECT_TRUE(SameBits(Multiply(pool, x, weight.view()), Expected(x, weight.view()))) << "rows " << rows;
  }
}

TEST_P(MatMulTest, AMatrixInPiecesGivesTheBitsOfTheWholeOne) {
  Random random(7);
  ThreadPool pool(2);
  for (const DType dtype : kAllTypes) {
    // Pieces of whole blocks, of whole groups, and of neither.
    for (const size_t cols : Sizes{1024, 1536, 8 * 131, 8 * 32, 24, 8}) {
      const TestMatrix whole = RandomMatrix(dtype, 24, cols, random);
      for (const size_t rows : Sizes{1, 3, 24, 40}) {
        const Input x(rows, cols, random);
        const std::vector<float> want = Expected(x, whole.view());
        for (const int64_t pieces : {2, 4, 8}) {
          const PiecedMatrix by_rows(whole.view(), pieces, false);
          const PiecedMatrix by_columns(whole.view(), pieces, true);
          EXPECT_TRUE(SameBits(Multiply(pool, x, by_rows.view()), want))
              << rows << ", " << cols << ", " << pieces;
          EXPECT_TRUE(SameBits(Multiply(pool, x, by_columns.view()), want))
              << rows << ", " << cols << ", " << pieces;
        }
      }
    }
  }
}

TEST_P(MatMulTest, EqualsReferenceBitForBitForEveryNumberOfOutputs) {
  Random random(3);
  ThreadPool pool(3);
  for (const DType dtype : kAllTypes) {
    for (const size_t outputs : Sizes{1, 2, 3, 4, 5, 7, 15, 16, 17, 31, 33, 63, 64, 65, 129, 200}) {
      for (const size_t rows : Sizes{1, 4, 35}) {
        const Input x(rows, 96, random);
        const TestMatrix weight = RandomMatrix(dtype, outputs, 96, random);
        EXPECT_TRUE(SameBits(Multiply(pool, x, weight.view()), Expected(x, weight.view())))
            << Name(dtype) << ", rows " << rows << ", outputs " << outputs;
      }
    }
  }
}

TEST_P(MatMulTest, WeightsMayLieAtAnyElement) {
  Random random(4);
  ThreadPool pool(1);
  for (const DType dtype : kAllTypes) {
    for (size_t shift = 0; shift < 16; ++shift) {
      for (const size_t rows : Sizes{1, 3, 40}) {
        const Input x(rows, 100, random);
        const TestMatrix weight = RandomMatrix(dtype, 5, 100, random, shift);
        EXPECT_TRUE(SameBits(Multiply(pool, x, weight.view()), Expected(x, weight.view())))
            << Name(dtype) << ", shift " << shift;
      }
    }
  }
}

TEST_P(MatMulTest, ThreadsChangeNoBit) {
  Random random(5);
  const TestMatrix weight = RandomMatrix(DType::kBF16, 333, 1056, random);
  for (const size_t rows : Sizes{1, 7, 40}) {
    const Input x(rows, 1056, random);
    ThreadPool one(1);
    const std::vector<float> want = Multiply(one, x, weight.view());
    for (int threads = 2; threads <= 4; ++threads) {
      ThreadPool pool(threads);
      EXPECT_TRUE(SameBits(Multiply(pool, x, weight.view()), want)) << threads << " threads, rows " << rows;
    }
  }
}

TEST_P(MatMulTest, ARowAloneHasTheBitsItHasAmongOthers) {
  Random random(6);
  ThreadPool pool(2);
  for (const DType dtype : kAllTypes) {
    const TestMatrix weight = RandomMatrix(dtype, 50, 768, random);
    const Input x(130, 768, random);
    const std::vector<float> together = Multiply(pool, x, weight.view());
    for (const size_t r : Sizes{0, 1, 64, 95, 96, 129}) {
      Input alone(1, 768, random);
      std::copy(x.Row(r).begin(), x.Row(r).end(), alone.values.begin());
      EXPECT_TRUE(SameBits(Multiply(pool, alone, weight.view()), std::span(together).subspan(r * 50, 50)))
          << r;
    }
  }
}

TEST_P(MatMulTest, SeveralProjectionsOfOneInputShareTheCall) {
  Random random(7);
  ThreadPool pool(3);
  const Input x(5, 128, random);
  const TestMatrix a = RandomMatrix(DType::kBF16, 70, 128, random);
  const TestMatrix b = RandomMatrix(DType::kF32, 3, 128, random);
  const TestMatrix c = RandomMatrix(DType::kF16, 41, 128, random);
  std::vector<float> out_a(5 * 70), out_b(5 * 3), out_c(5 * 41);
  const Projection projections[] = {
      {a.view(), out_a.data(), 70}, {b.view(), out_b.data(), 3}, {c.view(), out_c.data(), 41}};
  MatMulScratch scratch;
  scratch.Reserve(5, 128);
  MatMul(pool, x.values.data(), static_cast<ptrdiff_t>(x.stride), 5, 128, projections, scratch);
  EXPECT_TRUE(SameBits(out_a, Expected(x, a.view())));
  EXPECT_TRUE(SameBits(out_b, Expected(x, b.view())));
  EXPECT_TRUE(SameBits(out_c, Expected(x, c.view())));
}

TEST_P(MatMulTest, DenormalsSignedZerosAndHugeValuesFollowTheDefinition) {
  Random random(8);
  ThreadPool pool(1);
  const float specials[] = {0.0f,
                            -0.0f,
                            1e-40f,
                            -1e-42f,
                            1e-38f,
                            3e38f,
                            -3e38f,
                            1.0f,
                            -1.0f,
                            6.1e-05f,
                            5.9e-8f,
                            std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()};
  for (const DType dtype : kAllTypes) {
    // Without the last two values, then with them.
    for (const size_t kinds : Sizes{11, 13}) {
      for (const size_t rows : Sizes{1, 2, 9, 34}) {
        Input x(rows, 67, random);
        for (float& value : x.values) value = specials[random.Below(kinds)];
        std::vector<float> values(6 * 67);
        for (float& value : values) value = specials[random.Below(kinds)];
        const TestMatrix weight(dtype, 6, 67, values);
        EXPECT_TRUE(SameBits(Multiply(pool, x, weight.view()), Expected(x, weight.view()))) << Name(dtype);
      }
    }
  }
}

// A page that may not be read follows the last weight.
TEST_P(MatMulTest, ReadsNothingBeyondTheLastWeight) {
  Random random(9);
  ThreadPool pool(2);
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t readable = 16 * page;
  void* mapping = mmap(nullptr, readable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(mapping, MAP_FAILED);
  auto* end = static_cast<std::byte*>(mapping) + readable;
  ASSERT_EQ(mprotect(end, page, PROT_NONE), 0);
  for (const DType dtype : kAllTypes) {
    for (const size_t cols : Sizes{1, 7, 32, 33, 63, 96, 513}) {
      for (const size_t outputs : Sizes{1, 5, 17}) {
        const TestMatrix source = RandomMatrix(dtype, outputs, cols, random);
        MatrixView weight = source.view();
        std::memcpy(end - weight.Bytes(), weight.data, weight.Bytes());
        weight.data = end - weight.Bytes();
        for (const size_t rows : Sizes{1, 2, 20, 33}) {
          const Input x(rows, cols, random);
          EXPECT_TRUE(SameBits(Multiply(pool, x, weight), Expected(x, weight)));
        }
      }
    }
  }
  munmap(mapping, readable + page);
}

}  // namespace
}  // namespace puna
