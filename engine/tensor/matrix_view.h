#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/tensor/dtype.h"

namespace puna {

// Read-only weights as they lie in a mapped checkpoint: row-major, contiguous, in their stored type. Nothing
// here owns memory; the mapping outlives every view. `data` is aligned to the element size at least, not
// more.
struct MatrixView {
  DType dtype = DType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  const std::byte* data = nullptr;  // [rows, cols]

  size_t RowBytes() const { return static_cast<size_t>(cols) * SizeOf(dtype); }
  size_t Bytes() const { return static_cast<size_t>(rows) * RowBytes(); }
  const std::byte* Row(int64_t row) const { return data + static_cast<size_t>(row) * RowBytes(); }
};

struct VectorView {
  DType dtype = DType::kF32;
  int64_t size = 0;
  const std::byte* data = nullptr;  // [size]
};

// The i-th element, widened. For reference code and tests; kernels read whole vectors.
float At(const MatrixView& matrix, int64_t row, int64_t col);
float At(const VectorView& vector, int64_t i);

}  // namespace puna
