#pragma once

#include "engine/model/config.h"
#include "engine/model/weights.h"

namespace puna {

// What a forward step cannot do without: the bytes it has to read from memory once and the operations in f32.
// The limit of a step is the longer of what these take at the machine's read bandwidth and multiply-add peak.
struct StepCost {
  double weight_bytes = 0;
  double kv_bytes = 0;  // keys and values of positions before the step
  double flops = 0;     // two for each multiply-add of products and attention

  StepCost& operator+=(const StepCost& other);
};

// `rows` rows in all, `logit_rows` of them with logits; each of `sequences` sequences has rows / sequences of
// them, after `depth` positions. One row of one sequence sees the positions before it and itself. Rows
// without logits need nothing of the last layer but keys and values.
StepCost CostOfStep(const ModelConfig& config, const Weights& weights, int rows, int logit_rows,
                    int sequences, int depth);

}  // namespace puna
