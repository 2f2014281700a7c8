#include "server/bench/step_cost.h"

namespace puna {

StepCost& StepCost::operator+=(const StepCost& other) {
  weight_bytes += other.weight_bytes;
  kv_bytes += other.kv_bytes;
  flops += other.flops;
  return *this;
}

StepCost CostOfStep(const ModelConfig& config, const Weights& weights, int rows, int logit_rows,
                    int sequences, int depth) {
  StepCost cost;
  const auto product = [&cost](const MatrixView& weight, int times) {
    if (times == 0) return;
    cost.weight_bytes += static_cast<double>(weight.Bytes());
    cost.flops += 2.0 * static_cast<double>(weight.rows) * static_cast<double>(weight.cols) * times;
  };
  for (const LayerWeights& layer : weights.layers) {
    for (const MatrixView* weight :
         {&layer.wq, &layer.wk, &layer.wv, &layer.wo, &layer.w1, &layer.w3, &layer.w2})
      product(*weight, rows);
  }
  product(weights.output, logit_rows);

  const double per_sequence = static_cast<double>(rows) / sequences;
  const double position_bytes = 2.0 * config.n_layers * config.n_kv_heads * config.head_dim * sizeof(float);
  cost.kv_bytes = position_bytes * depth * sequences;
  // Row i of a sequence sees depth + i + 1 positions; a position costs a product with its key and one with
  // its value.
  const double seen = rows * (depth + (per_sequence + 1) / 2);
  cost.flops += 4.0 * config.n_layers * config.n_heads * config.head_dim * seen;
  return cost;
}

}  // namespace puna
