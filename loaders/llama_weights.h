#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/model/config.h"
#include "engine/model/weights.h"
#include "loaders/pth_checkpoint.h"

namespace puna {

struct BoundWeights {
  Weights weights;
  std::vector<std::string> notices;  // tensors nothing uses, a tied output
};

// Finds every tensor of a Llama by Meta's name and checks its type and shape against the config, whose
// vocab_size is filled from tok_embeddings.weight where it is 0. Views only; no weight is read. Throws
// FormatError naming the tensor, what was expected and what was found.
BoundWeights BindLlamaWeights(std::span<const NamedTensor> tensors, ModelConfig& config);

}  // namespace puna
