#pragma once

#include <cstdint>
#include <optional>

#include "engine/ops/rope.h"

namespace puna {

// The symbols of every shape in this program. Filled by loaders/params_json and completed from the tensors'
// shapes.
struct ModelConfig {
  int dim = 0;  // residual stream
  int n_layers = 0;
  int n_heads = 0;     // query heads
  int n_kv_heads = 0;  // divides n_heads
  int head_dim = 0;    // dim / n_heads
  int hidden_dim = 0;  // SwiGLU's inner size
  int vocab_size = 0;
  float norm_eps = 1e-5f;
  float rope_theta = 500000.0f;
  std::optional<RopeScaling> rope_scaling;
  int max_context = 0;  // positions the model was trained for: 8192, or 131072 with rope_scaling
};

}  // namespace puna
