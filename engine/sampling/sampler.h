#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/sampling/penalties.h"
#include "engine/sampling/sampling_params.h"

namespace puna {

// Chooses the tokens of one answer, one after the other. The order:
//
//   1. logit_bias is added;
//   2. repetition, presence and frequency penalties (penalties.h);
//      tokens that are not allowed are out from here on;
//   3. temperature 0: the largest logit, and nothing below applies; else logits are divided by it;
//   4. top_k;
//   5. top_p, of the weight that top_k left;
//   6. min_p;
//   7. a draw by the weights that are left, with the number of (seed, choice, index of the token in the
//   answer).
//
// The result depends on the logits, the parameters, the prompt and the answer so far: never on what else
// runs, on when, or on the machine (exp_log.h). Not thread-safe.
class Sampler {
 public:
  // `seed` is used if the parameters have none.
  Sampler(const SamplingParams& params, std::span<const int32_t> prompt, uint64_t seed);

  // The next token of the answer. `allowed` has bit i % 64 of word i / 64 set for each token i that may be
  // chosen; empty: all may. REQUIRES: logits is [vocab_size]; some token is allowed.
  int32_t Choose(std::span<const float> logits, std::span<const uint64_t> allowed = {});

 private:
  int32_t ChooseRandomly(std::span<const float> logits) const;

  const SamplingParams params_;
  const uint64_t seed_;
  Penalties penalties_;
  uint64_t index_ = 0;          // of the next token in the answer
  std::vector<float> changed_;  // logits after bias and penalties
};

}  // namespace puna
