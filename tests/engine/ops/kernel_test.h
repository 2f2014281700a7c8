#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "engine/ops/instruction_set.h"
#include "engine/tensor/matrix_view.h"

// What the kernel tests share: a fixture that runs every case on every instruction set of this machine,
// comparison of bits, and weights of any type at any address.
namespace puna {

// Equal bits, except that any NaN equals any NaN: which of two NaNs an addition returns is the processor's
// choice.
inline bool SameBits(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

inline ::testing::AssertionResult SameBits(std::span<const float> got, std::span<const float> want) {
  if (got.size() != want.size()) {
    return ::testing::AssertionFailure() << got.size() << " values, not " << want.size();
  }
  for (size_t i = 0; i < got.size(); ++i) {
    if (!SameBits(got[i], want[i])) {
      return ::testing::AssertionFailure() << "[" << i << "] is " << got[i] << ", not " << want[i];
    }
  }
  return ::testing::AssertionSuccess();
}

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}

  float Normal() { return normal_(engine_); }
  std::vector<float> Normals(size_t n) {
    std::vector<float> values(n);
    for (float& value : values) value = Normal();
    return values;
  }
  size_t Below(size_t n) { return engine_() % n; }

 private:
  std::mt19937 engine_;
  std::normal_distribution<float> normal_;
};

// The stored element nearest below |value|. Exactness does not matter here: what is stored is what is
// compared.
inline void AppendStored(float value, DType dtype, std::vector<std::byte>& bytes) {
  uint16_t half = 0;
  const auto bits = std::bit_cast<uint32_t>(value);
  if (dtype == DType::kBF16) half = static_cast<uint16_t>(bits >> 16);
  if (dtype == DType::kF16) {
    const int exponent = static_cast<int>(bits >> 23 & 0xFF) - 127;
    const uint32_t sign = bits >> 16 & 0x8000u;
    const uint32_t fraction = bits >> 13 & 0x3FFu;
    if (exponent >= 16) {
      half = static_cast<uint16_t>(sign | 0x7BFFu);
    } else if (exponent < -14) {
      half = static_cast<uint16_t>(sign | fraction);  // some subnormal
    } else {
      half = static_cast<uint16_t>(sign | static_cast<uint32_t>(exponent + 15) << 10 | fraction);
    }
  }
  const size_t at = bytes.size();
  bytes.resize(at + SizeOf(dtype));
  if (dtype == DType::kF32) {
    std::memcpy(bytes.data() + at, &value, sizeof(value));
  } else {
    std::memcpy(bytes.data() + at, &half, sizeof(half));
  }
}

// Weights that begin `shift` elements after an aligned address.
class TestMatrix {
 public:
  TestMatrix(DType dtype, size_t rows, size_t cols, const std::vector<float>& values, size_t shift = 0)
      : dtype_(dtype), rows_(rows), cols_(cols), offset_(shift * SizeOf(dtype)) {
    bytes_.resize(offset_);
    bytes_.reserve(offset_ + values.size() * SizeOf(dtype));
    for (const float value : values) AppendStored(value, dtype, bytes_);
  }

  MatrixView view() const {
    return {dtype_, static_cast<int64_t>(rows_), static_cast<int64_t>(cols_), bytes_.data() + offset_};
  }
  VectorView vector() const { return {dtype_, static_cast<int64_t>(rows_ * cols_), bytes_.data() + offset_}; }

 private:
  DType dtype_;
  size_t rows_;
  size_t cols_;
  size_t offset_;
  std::vector<std::byte> bytes_;
};

// A copy of a matrix in `n` pieces, by rows or by columns, each a place of its own.
class PiecedMatrix {
 public:
  PiecedMatrix(const MatrixView& whole, int64_t n, bool by_columns) : view_(whole) {
    const size_t size = SizeOf(whole.dtype);
    (by_columns ? view_.piece_cols : view_.piece_rows) = (by_columns ? whole.cols : whole.rows) / n;
    const int64_t rows = by_columns ? whole.rows : view_.piece_rows;
    const int64_t cols = by_columns ? view_.piece_cols : whole.cols;
    view_.data = nullptr;
    for (int64_t piece = 0; piece < n; ++piece) {
      std::vector<std::byte>& bytes = bytes_.emplace_back();
      for (int64_t row = 0; row < rows; ++row) {
        const std::byte* from = by_columns ? whole.Element(row, piece * cols) : whole.Row(piece * rows + row);
        bytes.insert(bytes.end(), from, from + static_cast<size_t>(cols) * size);
      }
    }
    for (size_t piece = 0; piece < bytes_.size(); ++piece) view_.pieces[piece] = bytes_[piece].data();
  }

  const MatrixView& view() const { return view_; }

 private:
  MatrixView view_;
  std::vector<std::vector<std::byte>> bytes_;
};

inline TestMatrix RandomMatrix(DType dtype, size_t rows, size_t cols, Random& random, size_t shift = 0) {
  return TestMatrix(dtype, rows, cols, random.Normals(rows * cols), shift);
}

// For loops over numbers written in place.
using Sizes = std::initializer_list<size_t>;

inline constexpr DType kAllTypes[] = {DType::kBF16, DType::kF16, DType::kF32};

// TEST_P of a class derived from this runs once per instruction set.
class KernelTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { UseInstructionSet(GetParam()); }
  void TearDown() override { UseInstructionSet(""); }
};

#define INSTANTIATE_KERNEL_TEST(name)                                                                      \
  INSTANTIATE_TEST_SUITE_P(InstructionSets, name, ::testing::ValuesIn(::puna::AvailableInstructionSets()), \
                           [](const auto& instance) { return instance.param; })

}  // namespace puna
