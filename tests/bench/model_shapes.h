#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/dtype.h"
#include "tests/support/pth_writer.h"

namespace puna::bench {

// What Meta's params.json says of one model, and whether the output projection is the embedding again.
struct ModelShape {
  std::string name{};
  int dim = 0;
  int n_layers = 0;
  int n_heads = 0;
  int n_kv_heads = 0;
  int vocab_size = 0;
  int multiple_of = 256;
  double ffn_dim_multiplier = 0.0;     // 0: none
  std::optional<double> rope_theta{};  // Llama 2's file does not mention it
  bool use_scaled_rope = false;
  bool tied_output = false;
};

// llama-3.2-1b, llama-3.2-3b, llama-3.1-8b, llama-2-7b, and tiny for a first try.
std::span<const ModelShape> KnownShapes();

std::string ParamsJson(const ModelShape& shape);

// All tensors of the model in the order of Meta's files.
std::vector<test::PthTensor> ModelTensors(const ModelShape& shape, DType dtype);

}  // namespace puna::bench
