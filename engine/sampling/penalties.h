#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "engine/sampling/sampling_params.h"

namespace puna {

// What has occurred in one request so far, and what it costs a token to have occurred.
class Penalties {
 public:
  Penalties(const SamplingParams& params, std::span<const int32_t> prompt);

  bool any() const { return any_; }

  // The answer goes on with `token`.
  void Count(int32_t token);

  // Changes the logits of what occurred. First repetition, for tokens of prompt and answer:
  //   logit > 0 ? logit / repetition_penalty : logit * repetition_penalty   (Keskar et al. 2019, CTRL)
  // then presence and frequency, for tokens of the answer, as OpenAI documents them:
  //   logit - presence_penalty - count * frequency_penalty
  void Apply(std::span<float> logits) const;

 private:
  const float presence_;
  const float frequency_;
  const float repetition_;
  const bool any_;
  std::unordered_set<int32_t> occurred_;        // in prompt or answer; empty if repetition costs nothing
  std::unordered_map<int32_t, int> in_answer_;  // times
};

}  // namespace puna
