#pragma once

#include <cstdint>
#include <span>

#include "engine/tensor/matrix_view.h"

namespace puna {

// gate[i] = silu(gate[i]) * up[i], silu(z) = z / (1 + exp(-z)).  Shazeer 2020 (SwiGLU).
void SiluMul(std::span<float> gate, std::span<const float> up);

// x[i] += delta[i]
void Add(std::span<const float> delta, std::span<float> x);

// out = row `row` of the table, widened.  out: [table.cols].
void EmbedRow(const MatrixView& table, int64_t row, std::span<float> out);

// The index of the largest value; of equals, the lowest index. NaN never wins unless all are NaN (then 0).
// REQUIRES: not empty.
int32_t ArgMax(std::span<const float> logits);

}  // namespace puna
