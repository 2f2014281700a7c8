#pragma once

#include <span>

#include "engine/tensor/matrix_view.h"

namespace puna {

// out[i] = (x[i] * (1 / sqrt(mean(x^2) + eps))) * weight[i], the sum of squares in reference::RmsNorm's
// order. x, weight, out: [dim].  out may be x.  Zhang and Sennrich 2019.
void RmsNorm(std::span<const float> x, const VectorView& weight, float eps, std::span<float> out);

}  // namespace puna
