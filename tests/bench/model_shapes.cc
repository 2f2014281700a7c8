#include "tests/bench/model_shapes.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "loaders/params_json.h"

namespace puna::bench {

std::span<const ModelShape> KnownShapes() {
  static const std::array<ModelShape, 5> shapes{ModelShape{.name = "tiny",
                                                           .dim = 256,
                                                           .n_layers = 2,
                                                           .n_heads = 8,
                                                           .n_kv_heads = 2,
                                                           .vocab_size = 1024,
                                                           .multiple_of = 64,
                                                           .ffn_dim_multiplier = 1.0,
                                                           .rope_theta = 500000.0},
                                                ModelShape{.name = "llama-3.2-1b",
                                                           .dim = 2048,
                                                           .n_layers = 16,
                                                           .n_heads = 32,
                                                           .n_kv_heads = 8,
                                                           .vocab_size = 128256,
                                                           .multiple_of = 256,
                                                           .ffn_dim_multiplier = 1.5,
                                                           .rope_theta = 500000.0,
                                                           .use_scaled_rope = true,
                                                           .tied_output = true},
                                                ModelShape{.name = "llama-3.2-3b",
                                                           .dim = 3072,
                                                           .n_layers = 28,
                                                           .n_heads = 24,
                                                           .n_kv_heads = 8,
                                                           .vocab_size = 128256,
                                                           .multiple_of = 256,
                                                           .ffn_dim_multiplier = 1.0,
                                                           .rope_theta = 500000.0,
                                                           .use_scaled_rope = true,
                                                           .tied_output = true},
                                                ModelShape{.name = "llama-3.1-8b",
                                                           .dim = 4096,
                                                           .n_layers = 32,
                                                           .n_heads = 32,
                                                           .n_kv_heads = 8,
                                                           .vocab_size = 128256,
                                                           .multiple_of = 1024,
                                                           .ffn_dim_multiplier = 1.3,
                                                           .rope_theta = 500000.0,
                                                           .use_scaled_rope = true},
                                                ModelShape{.name = "llama-2-7b",
                                                           .dim = 4096,
                                                           .n_layers = 32,
                                                           .n_heads = 32,
                                                           .n_kv_heads = 32,
                                                           .vocab_size = 32000,
                                                           .multiple_of = 256}};
  return shapes;
}

std::string ParamsJson(const ModelShape& shape) {
  nlohmann::ordered_json params{{"dim", shape.dim},
                                {"n_layers", shape.n_layers},
                                {"n_heads", shape.n_heads},
                                {"n_kv_heads", shape.n_kv_heads},
                                {"vocab_size", shape.vocab_size},
                                {"multiple_of", shape.multiple_of}};
  if (shape.ffn_dim_multiplier > 0.0) params["ffn_dim_multiplier"] = shape.ffn_dim_multiplier;
  params["norm_eps"] = 1e-5;
  if (shape.rope_theta) params["rope_theta"] = *shape.rope_theta;
  if (shape.use_scaled_rope) params["use_scaled_rope"] = true;
  return params.dump() + "\n";
}

std::vector<test::PthTensor> ModelTensors(const ModelShape& shape, DType dtype) {
  const int64_t dim = shape.dim;
  const int64_t kv_dim = dim / shape.n_heads * shape.n_kv_heads;
  const int64_t hidden = FeedForwardSize(shape.dim, shape.ffn_dim_multiplier, shape.multiple_of);
  std::vector<test::PthTensor> tensors;
  const auto add = [&](std::string name, std::vector<int64_t> extents) {
    tensors.push_back({.name = std::move(name) + ".weight", .dtype = dtype, .shape = std::move(extents)});
  };
  add("tok_embeddings", {shape.vocab_size, dim});
  for (int i = 0; i < shape.n_layers; ++i) {
    const std::string layer = fmt::format("layers.{}.", i);
    add(layer + "attention.wq", {dim, dim});
    add(layer + "attention.wk", {kv_dim, dim});
    add(layer + "attention.wv", {kv_dim, dim});
    add(layer + "attention.wo", {dim, dim});
    add(layer + "feed_forward.w1", {hidden, dim});
    add(layer + "feed_forward.w3", {hidden, dim});
    add(layer + "feed_forward.w2", {dim, hidden});
    add(layer + "attention_norm", {dim});
    add(layer + "ffn_norm", {dim});
  }
  add("norm", {dim});
  add("output", {shape.vocab_size, dim});
  if (shape.tied_output) tensors.back().shares = 0;
  return tensors;
}

}  // namespace puna::bench
