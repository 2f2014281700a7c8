#include "engine/ops/reference.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace puna::reference {

float SumLanes(std::span<const float, kLanes> lanes) {
  std::array<float, kLanes> sum;
  std::copy(lanes.begin(), lanes.end(), sum.begin());
  for (size_t half = kLanes / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) sum[i] += sum[i + half];
  }
  return sum[0];
}

float Dot(std::span<const float> x, const MatrixView& weight, int64_t row) {
  const size_t cols = x.size();
  float total = 0;
  for (size_t begin = 0; begin < cols; begin += kDotBlock) {
    const size_t end = std::min(cols, begin + kDotBlock);
    std::array<float, kLanes> lanes{};
    for (size_t group = begin; group < end; group += kDotGroup) {
      for (size_t i = 0; i < kDotGroup; ++i) {
        const size_t e = group + i;
        const float a = e < end ? x[e] : 0.0f;
        const float b = e < end ? At(weight, row, static_cast<int64_t>(e)) : 0.0f;
        lanes[i / 2] = std::fma(a, b, lanes[i / 2]);
      }
    }
    const float block = SumLanes(lanes);
    total = begin == 0 ? block : total + block;
  }
  return total;
}

// exp(x) = 2^n exp(r), n the integer nearest to x / ln 2, |r| <= ln 2 / 2, exp(r) by Taylor's polynomial of
// degree 7 (the first term left out is below 6e-9). Every line is one rounding.
float Exp(float x) {
  if (x < kExpLowest) return 0.0f;
  if (x > kExpHighest) return std::numeric_limits<float>::infinity();
  const float shifted =
      std::fma(x, kLog2E, kRoundToInteger);  // the integer sits in the low bits of the significand
  const float n = shifted - kRoundToInteger;
  float r = std::fma(-n, kLn2High, x);
  r = std::fma(-n, kLn2Low, r);
  float p = kExpTaylor[0];
  for (size_t i = 1; i < kExpTaylor.size(); ++i) p = std::fma(p, r, kExpTaylor[i]);
  const uint32_t integer = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(kRoundToInteger);
  return p * std::bit_cast<float>((integer + 127) << 23);
}

float Silu(float x) { return x / (1.0f + Exp(-x)); }

void RmsNorm(std::span<const float> x, const VectorView& weight, float eps, std::span<float> out) {
  std::array<float, kLanes> lanes{};
  for (size_t i = 0; i < x.size(); ++i) lanes[i % kLanes] = std::fma(x[i], x[i], lanes[i % kLanes]);
  const float mean = SumLanes(lanes) / static_cast<float>(x.size());
  const float scale = 1.0f / std::sqrt(mean + eps);
  for (size_t i = 0; i < x.size(); ++i) out[i] = (x[i] * scale) * At(weight, static_cast<int64_t>(i));
}

namespace {

// One row and query head. key(j, d) and value(j, d) read the cache at absolute position j.
template <typename Key, typename Value>
void AttendOneHead(int head_dim, int n_positions, const float* q, const Key& key, const Value& value,
                   float* out) {
  const auto dim = static_cast<size_t>(head_dim);
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  float total_max = 0;
  float total_sum = 0;
  std::vector<float> total(dim);
  for (int begin = 0; begin < n_positions; begin += kAttentionSpan) {
    const int n = std::min(kAttentionSpan, n_positions - begin);
    std::vector<float> p(static_cast<size_t>(n));
    float max = -std::numeric_limits<float>::infinity();
    for (int j = 0; j < n; ++j) {
      float s = 0;
      for (int d = 0; d < head_dim; ++d) s = std::fma(q[d], key(begin + j, d), s);
      p[static_cast<size_t>(j)] = s * scale;
      max = std::max(max, p[static_cast<size_t>(j)]);
    }
    std::array<float, kLanes> lanes{};
    for (size_t j = 0; j < p.size(); ++j) {
      p[j] = Exp(p[j] - max);
      lanes[j % kLanes] += p[j];
    }
    const float sum = SumLanes(lanes);
    std::vector<float> o(dim);
    for (int j = 0; j < n; ++j) {
      for (int d = 0; d < head_dim; ++d) {
        const auto i = static_cast<size_t>(d);
        o[i] = std::fma(p[static_cast<size_t>(j)], value(begin + j, d), o[i]);
      }
    }
    if (begin == 0) {
      total_max = max;
      total_sum = sum;
      total = o;
      continue;
    }
    const float larger = std::max(total_max, max);
    const float a = Exp(total_max - larger);
    const float b = Exp(max - larger);
    total_sum = std::fma(total_sum, a, sum * b);
    for (size_t d = 0; d < dim; ++d) total[d] = std::fma(total[d], a, o[d] * b);
    total_max = larger;
  }
  for (size_t d = 0; d < dim; ++d) out[d] = total[d] / total_sum;
}

}  // namespace

void Attention(const AttentionShape& shape, std::span<const AttentionSequence> sequences, const float* q,
               ptrdiff_t q_stride, const KvLayerView& kv, float* out, ptrdiff_t out_stride) {
  const ptrdiff_t head_dim = shape.head_dim;
  const int heads_per_kv = shape.n_heads / shape.n_kv_heads;
  for (const AttentionSequence& sequence : sequences) {
    for (int row = 0; row < sequence.n_rows; ++row) {
      for (int head = 0; head < shape.n_heads; ++head) {
        const ptrdiff_t kv_head_offset = (head / heads_per_kv) * head_dim * kKvBlockTokens;
        const auto block = [&](int j) {
          return sequence.block_table[static_cast<size_t>(j / kKvBlockTokens)] * kv.block_stride +
                 kv_head_offset;
        };
        const auto key = [&](int j, int d) {
          return kv.keys[block(j) + d * kKvBlockTokens + j % kKvBlockTokens];
        };
        const auto value = [&](int j, int d) {
          return kv.values[block(j) + (j % kKvBlockTokens) * head_dim + d];
        };
        const ptrdiff_t at = sequence.first_row + row;
        AttendOneHead(shape.head_dim, sequence.first_position + row + 1, q + at * q_stride + head * head_dim,
                      key, value, out + at * out_stride + head * head_dim);
      }
    }
  }
}

void ApplyRope(std::span<const float> cos, std::span<const float> sin, std::span<float> x) {
  for (size_t i = 0; i < x.size() / 2; ++i) {
    const float a = x[2 * i];
    const float b = x[2 * i + 1];
    const size_t t = i % cos.size();
    x[2 * i] = std::fma(a, cos[t], -(b * sin[t]));
    x[2 * i + 1] = std::fma(a, sin[t], b * cos[t]);
  }
}

void SiluMul(std::span<float> gate, std::span<const float> up) {
  for (size_t i = 0; i < gate.size(); ++i) gate[i] = Silu(gate[i]) * up[i];
}

}  // namespace puna::reference
