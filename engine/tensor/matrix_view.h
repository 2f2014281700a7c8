#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/tensor/dtype.h"

namespace puna {

// Read-only weights as they lie in a mapped checkpoint: row-major, contiguous, in their stored type. Nothing
// here owns memory; the mapping outlives every view. `data` is aligned to the element size at least, not
// more.
//
// A checkpoint that Meta split for several GPUs holds a matrix in equal pieces, one per file: some rows of it
// each, or some columns of all rows. It stays so; whoever reads rows goes through Row or Part.
struct MatrixView {
  static constexpr size_t kMaxPieces = 8;

  DType dtype = DType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  const std::byte* data = nullptr;  // [rows, cols]; null in pieces

  int64_t piece_rows = 0;  // > 0: pieces[i] is [piece_rows, cols], rows from i * piece_rows on
  int64_t piece_cols = 0;  // > 0: pieces[i] is [rows, piece_cols], columns from i * piece_cols on
  std::array<const std::byte*, kMaxPieces> pieces{};

  size_t Bytes() const { return static_cast<size_t>(rows * cols) * SizeOf(dtype); }
  // From a row to the next one where they lie one after the other.
  size_t RowStride() const { return static_cast<size_t>(piece_cols > 0 ? piece_cols : cols) * SizeOf(dtype); }

  // A whole row.  REQUIRES: piece_cols == 0.
  const std::byte* Row(int64_t row) const {
    if (piece_rows == 0) return data + static_cast<size_t>(row) * RowStride();
    return pieces[static_cast<size_t>(row / piece_rows)] +
           static_cast<size_t>(row % piece_rows) * RowStride();
  }

  // Where one element lies.
  const std::byte* Element(int64_t row, int64_t col) const {
    if (piece_cols == 0) return Row(row) + static_cast<size_t>(col) * SizeOf(dtype);
    return pieces[static_cast<size_t>(col / piece_cols)] + static_cast<size_t>(row) * RowStride() +
           static_cast<size_t>(col % piece_cols) * SizeOf(dtype);
  }

  // `n` elements of a row one after the other, from `col` on: where they lie or, if they lie in several
  // pieces, copied to `buffer`, which has room for them.
  const std::byte* Part(int64_t row, int64_t col, int64_t n, void* buffer) const {
    if (piece_cols == 0) return Element(row, col);
    return PartOfPieces(row, col, n, buffer);
  }
  const std::byte* PartOfPieces(int64_t row, int64_t col, int64_t n, void* buffer) const;
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
