#include "engine/tensor/matrix_view.h"

#include <algorithm>
#include <cstring>

namespace puna {
namespace {

template <typename T>
float Load(const std::byte* element) {
  T value;
  std::memcpy(&value, element, sizeof(value));  // a tensor in a file may lie at any address
  return ToF32(value);
}

float Widen(DType dtype, const std::byte* element) {
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
  return Widen(matrix.dtype, matrix.Element(row, col));
}

float At(const VectorView& vector, int64_t i) {
  return Widen(vector.dtype, vector.data + static_cast<size_t>(i) * SizeOf(vector.dtype));
}

const std::byte* MatrixView::PartOfPieces(int64_t row, int64_t col, int64_t n, void* buffer) const {
  if (col % piece_cols + n <= piece_cols) return Element(row, col);
  auto* to = static_cast<std::byte*>(buffer);
  for (const int64_t end = col + n; col < end;) {
    const int64_t here = std::min(end - col, piece_cols - col % piece_cols);
    const size_t bytes = static_cast<size_t>(here) * SizeOf(dtype);
    std::memcpy(to, Element(row, col), bytes);
    to += bytes;
    col += here;
  }
  return static_cast<const std::byte*>(buffer);
}

}  // namespace puna
