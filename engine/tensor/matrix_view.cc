#include "engine/tensor/matrix_view.h"

#include <cstring>

namespace puna {
namespace {

template <typename T>
float Load(const std::byte* element) {
  T value;
  std::memcpy(&value, element, sizeof(value));  // a tensor in a file may lie at any address
  return ToF32(value);
}

float Widen(DType dtype, const std::byte* data, int64_t i) {
  const std::byte* element = data + static_cast<size_t>(i) * SizeOf(dtype);
  switch (dtype) {
    case DType::kBF16:
      return Load<bf16>(element);
    case DType::kF16:
      return Load<f16>(element);
    case DType::kF32:
      break;
  }
  return Load<float>(element);
}

}  // namespace

float At(const MatrixView& matrix, int64_t row, int64_t col) {
  return Widen(matrix.dtype, matrix.Row(row), col);
}

float At(const VectorView& vector, int64_t i) { return Widen(vector.dtype, vector.data, i); }

}  // namespace puna
