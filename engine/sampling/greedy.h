#pragma once

#include <cstdint>
#include <span>

namespace puna {

// The id of the largest logit; of equals, the lowest id. NaN never wins unless all are NaN (then 0).
// REQUIRES: not empty.
int32_t Greedy(std::span<const float> logits);

}  // namespace puna
