#pragma once

#include <cstddef>

#include "engine/ops/reference.h"

// How MatMul cuts its work. Nothing here changes a bit of the result.
namespace puna {

inline constexpr size_t kLanes = reference::kLanes;
inline constexpr size_t kGroup = 2 * kLanes;  // elements that are split into even and odd together
inline constexpr size_t kDotBlock = reference::kDotBlock;  // columns per block sum
inline constexpr size_t kTokenBlock =
    128;  // rows of x whose block of columns (256 KiB) stays in L2 next to a panel
inline constexpr size_t kRowGrain = 12;  // weight rows a thread takes are a multiple of it

// Activations in the order the kernels read them: blocks of kDotBlock columns, in a block one row after the
// other, in a row groups of 16 even and 16 odd elements; the last group is filled up with zeros, and up to
// kRowPadding rows more may be read.
class PackedRows {
 public:
  static constexpr size_t kRowPadding = 3;

  static size_t Floats(size_t rows, size_t cols) {
    return (cols + kDotBlock - 1) / kDotBlock * kDotBlock * (rows + kRowPadding);
  }

  // REQUIRES: room for Floats(rows, cols) at data, aligned for vectors.
  PackedRows(float* data, size_t rows, size_t cols) : data_(data), rows_(rows), cols_(cols) {}

  size_t rows() const { return rows_; }
  size_t NumBlocks() const { return (cols_ + kDotBlock - 1) / kDotBlock; }
  size_t BlockColumns(size_t block) const {
    return block + 1 < NumBlocks() ? kDotBlock : cols_ - block * kDotBlock;
  }
  const float* Block(size_t block, size_t row) const { return MutableBlock(block, row); }
  float* MutableBlock(size_t block, size_t row) const {
    return data_ + (block * (rows_ + kRowPadding) + row) * kDotBlock;
  }

 private:
  float* data_;
  size_t rows_;
  size_t cols_;
};

struct MatMulOutput {
  float* data;
  ptrdiff_t stride;  // floats from one row of x to the next
};

}  // namespace puna
