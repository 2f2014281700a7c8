#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "engine/ops/attention.h"
#include "engine/tensor/matrix_view.h"

// What "correct" means. Plain loops in the documented order; every kernel equals them bit for bit on every
// instruction set, for every number of rows and threads. Keep them slow and readable.
namespace puna::reference {

inline constexpr int kLanes = 16;
// Elements of K per block sum: a panel of weights and one of activations fit in L1 together.
inline constexpr size_t kDotBlock = 512;
inline constexpr size_t kDotGroup = 32;  // elements that fill the lanes twice

// Exp's constants. kLn2High has so few bits that n * kLn2High is exact.
inline constexpr float kExpLowest = -87.0f;
inline constexpr float kExpHighest = 88.0f;
inline constexpr float kLog2E = 0x1.715476p+0f;
inline constexpr float kRoundToInteger = 0x1.8p+23f;  // adding it leaves no bits for a fraction
inline constexpr float kLn2High = 0x1.62e4p-1f;
inline constexpr float kLn2Low = 0x1.7f7d1cp-20f;
inline constexpr std::array<float, 8> kExpTaylor = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24,
                                                    1.0f / 6,    1.0f / 2,   1.0f,       1.0f};

// Sum of 16 lanes by halving: (i, i + 8), then (i, i + 4), (i, i + 2), (0, 1).
float SumLanes(std::span<const float, kLanes> lanes);

// K is cut into blocks of kDotBlock elements. In a block, element e is accumulated by fma, in ascending
// order, into lane (e % 32) / 2: the map that splits 32 packed bf16 into even and odd elements with one shift
// and one mask, used for every stored type so that equal values give equal bits. A last group of less than 32
// is filled up with zeros. Lanes start at zero in each block, are added by SumLanes, and block sums are added
// in ascending order, the first one as it is.
float Dot(std::span<const float> x, const MatrixView& weight, int64_t row);

// exp by range reduction (Cody and Waite) and Taylor's polynomial, all in fma; the exact steps are in the
// .cc. Relative error under 2e-7 on [kExpLowest, kExpHighest]; 0 below, +inf above; NaN stays NaN.
float Exp(float x);

float Silu(float x);  // x / (1 + Exp(-x))

// Sum of squares: element i by fma into lane i % 16, ascending, then SumLanes.
// out = (x * (1 / sqrt(sum / dim + eps))) * weight.
void RmsNorm(std::span<const float> x, const VectorView& weight, float eps, std::span<float> out);

// Per row and query head, positions in spans of kAttentionSpan counted from position 0. In a span:
//  - s[j] = fma chain over d ascending, from 0, of q[d] * k[j][d]; then s[j] * (1 / sqrt(head_dim)), each
//  rounded.
//  - m = max s[j]; p[j] = Exp(s[j] - m); l = p[j] added into lane j % 16 ascending, then SumLanes.
//  - o[d] = fma chain over j ascending, from 0, of p[j] * v[j][d].
// Spans merge in ascending order, the first as it is: with M the larger maximum,
//  - a = Exp(M_old - M), b = Exp(m - M);
//  - L = fma(L, a, l * b); O[d] = fma(O[d], a, o[d] * b).
// In the end out[d] = O[d] / L.
// Masked positions (beyond the row's own) do not exist: they are in no maximum and no sum.
void Attention(const AttentionShape& shape, std::span<const AttentionSequence> sequences, const float* q,
               ptrdiff_t q_stride, const KvLayerView& kv, float* out, ptrdiff_t out_stride);

// Element (2i, 2i+1) of every head: (a * cos - b * sin, a * sin + b * cos), as fma(a, cos, -(b * sin)) and
// fma(a, sin, b * cos).
void ApplyRope(std::span<const float> cos, std::span<const float> sin, std::span<float> x);

void SiluMul(std::span<float> gate, std::span<const float> up);

}  // namespace puna::reference
