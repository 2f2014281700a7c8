#pragma once

#include <vector>

#include "engine/tensor/matrix_view.h"

namespace puna {

// Views into the mapped checkpoint, named as Meta names them. Nothing here owns memory.
struct LayerWeights {
  VectorView attention_norm;  // [dim]
  MatrixView wq;              // [n_heads * head_dim, dim]
  MatrixView wk;              // [n_kv_heads * head_dim, dim]
  MatrixView wv;              // [n_kv_heads * head_dim, dim]
  MatrixView wo;              // [dim, n_heads * head_dim]
  VectorView ffn_norm;        // [dim]
  MatrixView w1;              // gate [hidden_dim, dim]
  MatrixView w3;              // up   [hidden_dim, dim]
  MatrixView w2;              // down [dim, hidden_dim]
};

struct Weights {
  MatrixView tok_embeddings;         // [vocab_size, dim]
  std::vector<LayerWeights> layers;  // [n_layers]
  VectorView norm;                   // [dim]
  MatrixView output;  // [vocab_size, dim]; the same view as tok_embeddings where the model ties them
};

}  // namespace puna
