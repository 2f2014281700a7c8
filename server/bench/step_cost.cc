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
    const int all = &layer == &weights.layers.back() ? logit_rows : rows;
    for (const MatrixView* weight : {&layer.wk, &layer.wv}) product(*weight, rows);
    for (const MatrixView* weight : {&layer.wq, &layer.wo, &layer.w1, &layer.w3, &layer.w2})
      product(*weight, all);
  }
  product(weights.output, logit_rows);

  // Row i of a sequence sees depth + i + 1 positions; a position costs a product with its key and one with
  // its value. The last layer's attention is only for rows that have logits, the last of each sequence.
  const double per_sequence = static_cast<double>(rows) / sequences;
  const double last = static_cast<double>(logit_rows) / sequences;
  const double seen = rows * (depth + (per_sequence + 1) / 2);
  const double seen_in_last_layer = logit_rows * (depth + per_sequence - (last - 1) / 2);
  cost.flops += 4.0 * config.n_heads * config.head_dim * ((config.n_layers - 1) * seen + seen_in_last_layer);
  const int reading_layers = logit_rows > 0 ? config.n_layers : config.n_layers - 1;
  const double position_bytes = 2.0 * config.n_kv_heads * config.head_dim * sizeof(float);
  cost.kv_bytes = position_bytes * reading_layers * depth * sequences;
  return cost;
}

}  // namespace puna
