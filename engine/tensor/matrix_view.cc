#include "engine/tensor/matrix_view.h"

#include <cstring>

#include "engine/base/check.h"

namespace puna {
namespace {

// A copy, since data need not be aligned for T in tests that place it oddly.
template <typename T>
float Read(const std::byte* data, int64_t i) {
  T value;
  std::memcpy(&value, data + static_cast<size_t>(i) * sizeof(T), sizeof(T));
  return ToF32(value);
}

float ReadAt(DType dtype, const std::byte* data, int64_t i) {
  switch (dtype) {
    case DType::kBF16:
      return Read<bf16>(data, i);
    case DType::kF16:
      return Read<f16>(data, i);
    case DType::kF32:
      return Read<float>(data, i);
  }
  CHECK(false) << "dtype " << static_cast<int>(dtype);
  return 0;
}

}  // namespace

float At(const MatrixView& matrix, int64_t row, int64_t col) {
  CHECK(row >= 0 && row < matrix.rows && col >= 0 && col < matrix.cols) << row << ", " << col;
  return ReadAt(matrix.dtype, matrix.data, row * matrix.cols + col);
}

float At(const VectorView& vector, int64_t i) {
  CHECK(i >= 0 && i < vector.size) << i << " of " << vector.size;
  return ReadAt(vector.dtype, vector.data, i);
}

}  // namespace puna
