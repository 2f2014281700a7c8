#pragma once

namespace puna {

// How the next token is chosen from the logits. Plain; ranges are checked at the API's door.
struct SamplingParams {
  // 0: greedy, the largest logit, of equals the lowest id.
  float temperature = 0.0f;
};

}  // namespace puna
