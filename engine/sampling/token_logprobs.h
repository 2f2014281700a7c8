#pragma once

#include <cstdint>
#include <vector>

namespace puna {

struct TokenLogprob {
  int32_t token = -1;
  float logprob = 0.0f;  // natural logarithm of the probability, <= 0
};

// What the model thought of one token: log-softmax of its logits as they came out of the model, before bias,
// penalties, temperature and truncation.
struct TokenLogprobs {
  float chosen = 0.0f;            // of the token that was chosen (or stands in the prompt)
  std::vector<TokenLogprob> top;  // the most probable tokens, descending; of equals the lowest id first
};

}  // namespace puna
