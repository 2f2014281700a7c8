#include "engine/model/activations.h"

#include <algorithm>

namespace puna {
namespace {

constexpr size_t kLine = 16;  // floats in a cache line

// Whole lines, an odd number of them: no power of two above a line divides it.
ptrdiff_t Stride(size_t cols) {
  const size_t lines = (cols + kLine - 1) / kLine;
  return static_cast<ptrdiff_t>((lines | 1) * kLine);
}

size_t S(int n) { return static_cast<size_t>(n); }

}  // namespace

ActivationRows::ActivationRows(size_t rows, size_t cols, const char* purpose)
    : cols_(cols),
      stride_(Stride(cols)),
      buffer_(rows * static_cast<size_t>(stride_) * sizeof(float), purpose) {}

Activations::Activations(const ModelConfig& config, size_t max_rows, size_t max_positions, size_t threads)
    : x(max_rows, S(config.dim), "the residual stream"),
      normed(max_rows, S(config.dim), "normalised rows"),
      delta(max_rows, S(config.dim), "sub-layer outputs"),
      q(max_rows, S(config.n_heads) * S(config.head_dim), "queries"),
      k(max_rows, S(config.n_kv_heads) * S(config.head_dim), "keys"),
      v(max_rows, S(config.n_kv_heads) * S(config.head_dim), "values"),
      heads(max_rows, S(config.n_heads) * S(config.head_dim), "attention outputs"),
      gate(max_rows, S(config.hidden_dim), "the SwiGLU gate"),
      up(max_rows, S(config.hidden_dim), "the SwiGLU input") {
  matmul.Reserve(max_rows, S(std::max({config.dim, config.hidden_dim, config.n_heads * config.head_dim})));
  attention.Reserve({config.n_heads, config.n_kv_heads, config.head_dim}, max_rows, max_positions, threads);
}

size_t Activations::Bytes() const {
  size_t bytes = hidden.size() + logits.size() + matmul.Bytes() + attention.Bytes();
  for (const ActivationRows* rows : {&x, &normed, &delta, &q, &k, &v, &heads, &gate, &up})
    bytes += rows->Bytes();
  return bytes;
}

}  // namespace puna
