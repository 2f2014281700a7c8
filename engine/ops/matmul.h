#pragma once

#include <cstddef>
#include <span>

#include "engine/base/aligned_buffer.h"
#include "engine/tensor/matrix_view.h"

namespace puna {

class ThreadPool;

// One product of several that share their input: out = x * weight^T.
struct Projection {
  MatrixView weight;     // [weight.rows, weight.cols]
  float* out;            // [rows of x, weight.rows], row r starts at out + r * out_stride
  ptrdiff_t out_stride;  // floats
};

// Room for activations packed for the kernels. Grows to the largest call and is then reused. Not thread-safe.
class MatMulScratch {
 public:
  // Room for calls of up to `max_rows` rows and `max_cols` columns (= weight.cols). Call before the first
  // step so that memory is known at start.
  void Reserve(size_t max_rows, size_t max_cols);
  size_t Bytes() const { return buffer_.size(); }
  float* data() { return reinterpret_cast<float*>(buffer_.data()); }

 private:
  AlignedBuffer buffer_;
};

// For every projection p, row r and output n: p.out[r][n] = Dot(x[r], p.weight[n]), where Dot is
// reference::Dot (reference.h): the same bits for any number of rows, threads, projections in the call, and
// instruction set. x: [rows, cols] f32, row r starts at x + r * x_stride. All projections have weight.cols ==
// cols. REQUIRES: rows >= 1; `scratch` reserved for rows and cols; no output overlaps x. One parallel region
// over `pool`; the caller is one of its threads.
void MatMul(ThreadPool& pool, const float* x, ptrdiff_t x_stride, size_t rows, size_t cols,
            std::span<const Projection> projections, MatMulScratch& scratch);

}  // namespace puna
