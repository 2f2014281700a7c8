#pragma once

#include <cstdint>
#include <span>

#include "engine/sampling/token_logprobs.h"

namespace puna {

// Log-softmax of `logits` at `token`, and at the `top` largest. Summed in double in a fixed order. A
// probability of zero is given as kZeroProbabilityLog (JSON has no infinity). REQUIRES: 0 <= token <
// logits.size(); top >= 0.
TokenLogprobs Logprobs(std::span<const float> logits, int32_t token, int top);

inline constexpr float kZeroProbabilityLog = -9999.0f;

}  // namespace puna
