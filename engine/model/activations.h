#pragma once

#include <cstddef>

#include "engine/base/aligned_buffer.h"
#include "engine/model/config.h"
#include "engine/ops/attention.h"
#include "engine/ops/matmul.h"

namespace puna {

// Rows of floats in one allocation, [rows, cols], some floats apart so that rows are never a multiple of 4
// KiB apart: such rows would share the same few cache sets.
class ActivationRows {
 public:
  ActivationRows(size_t rows, size_t cols, const char* purpose);

  float* Row(size_t row) { return data() + static_cast<ptrdiff_t>(row) * stride_; }
  float* data() { return reinterpret_cast<float*>(buffer_.data()); }
  ptrdiff_t stride() const { return stride_; }  // floats
  size_t cols() const { return cols_; }
  size_t Bytes() const { return buffer_.size(); }

 private:
  size_t cols_;
  ptrdiff_t stride_;
  AlignedBuffer buffer_;
};

// What one step computes in, allocated once for steps of up to max_rows rows.
struct Activations {
  Activations(const ModelConfig& config, size_t max_rows, size_t max_positions, size_t threads);

  size_t Bytes() const;

  ActivationRows x;       // [rows, dim] residual stream
  ActivationRows normed;  // [rows, dim]
  ActivationRows delta;   // [rows, dim] what a sub-layer adds
  ActivationRows q;       // [rows, n_heads * head_dim]
  ActivationRows k;       // [rows, n_kv_heads * head_dim]
  ActivationRows v;       // [rows, n_kv_heads * head_dim]
  ActivationRows heads;   // [rows, n_heads * head_dim] what attention gives
  ActivationRows gate;    // [rows, hidden_dim]
  ActivationRows up;      // [rows, hidden_dim]
  AlignedBuffer hidden;   // [rows that want them, dim], packed; grows as logits does
  AlignedBuffer logits;   // [rows that want them, vocab_size]; grows with the most such rows of a step
  MatMulScratch matmul;
  AttentionScratch attention;
};

}  // namespace puna
