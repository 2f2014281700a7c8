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
// vocab_size is filled from tok_embeddings.weight where it is 0. Views only; no weight is read, but the last
// norm of each shard. Throws FormatError naming the tensor, what was expected and what was found.
//
// `shards`: the tensors of consolidated.00.pth, 01 and so on. With more than one each holds an equal piece of
// every matrix, as Meta's model-parallel layers split them: wq, wk, wv, w1, w3 and the output by rows, wo and
// w2 by columns, the embeddings by rows (Llama 3) or by columns (Llama 1 and 2); and a copy of every vector.
// REQUIRES: 1, 2, 4 or 8 shards.
BoundWeights BindLlamaWeights(std::span<const std::vector<NamedTensor>> shards, ModelConfig& config);

inline BoundWeights BindLlamaWeights(const std::vector<NamedTensor>& tensors, ModelConfig& config) {
  return BindLlamaWeights(std::span(&tensors, 1), config);
}

}  // namespace puna
