#include "loaders/llama_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "engine/base/error.h"
#include "loaders/load_error.h"

namespace puna {
namespace {

constexpr size_t kMaxNamedExtras = 8;

// Tensors by name; remembers which were fetched.
class TensorTable {
 public:
  explicit TensorTable(std::span<const NamedTensor> tensors)
      : tensors_(tensors), used_(tensors.size(), false) {
    for (size_t i = 0; i < tensors.size(); ++i) index_.emplace(tensors[i].name, i);
  }

  const TensorView* Find(std::string_view name) {
    const auto at = index_.find(name);
    if (at == index_.end()) return nullptr;
    used_[at->second] = true;
    return &tensors_[at->second].view;
  }

  const TensorView& Get(std::string_view name) {
    const TensorView* view = Find(name);
    if (view == nullptr) throw FormatError(fmt::format("tensor '{}' is missing{}", name, HintAtOtherNames()));
    return *view;
  }

  // `of` says where the expectation comes from, e.g. "[hidden_dim, dim]".
  MatrixView Matrix(std::string_view name, int64_t rows, int64_t cols, std::string_view of) {
    const TensorView& view = Get(name);
    if (view.shape.size() != 2 || view.shape[0] != rows || view.shape[1] != cols) {
      FailShape(name, fmt::format("{} = [{}, {}]", of, rows, cols), view);
    }
    return {.dtype = view.dtype, .rows = rows, .cols = cols, .data = view.data};
  }

  VectorView Vector(std::string_view name, int64_t size, std::string_view of) {
    const TensorView& view = Get(name);
    if (view.shape.size() != 1 || view.shape[0] != size)
      FailShape(name, fmt::format("{} = [{}]", of, size), view);
    return {.dtype = view.dtype, .size = size, .data = view.data};
  }

  void ReportUnused(std::vector<std::string>& notices) const {
    size_t unused = 0;
    for (size_t i = 0; i < tensors_.size(); ++i) {
      const NamedTensor& tensor = tensors_[i];
      if (used_[i] || tensor.name == "rope.freqs")
        continue;  // Llama 2's table; the frequencies follow from rope_theta
      if (++unused <= kMaxNamedExtras) {
        notices.push_back(fmt::format("tensor '{}' {} {} is not used", Printable(tensor.name),
                                      Name(tensor.view.dtype), tensor.view.ShapeString()));
      }
    }
    if (unused > kMaxNamedExtras) {
      notices.push_back(fmt::format("{} more tensors are not used", unused - kMaxNamedExtras));
    }
  }

 private:
  [[noreturn]] static void FailShape(std::string_view name, std::string_view expected,
                                     const TensorView& view) {
    throw FormatError(fmt::format("tensor '{}': expected shape {} by params.json, found {}", name, expected,
                                  view.ShapeString()));
  }

  std::string HintAtOtherNames() const {
    for (const auto& [name, index] : index_) {
      if (name.starts_with("model.layers.") || name == "model.embed_tokens.weight") {
        return "; the tensors have Hugging Face's names, expected Meta's original checkpoint";
      }
      if (name.starts_with("text_model.") || name.starts_with("vision_model.")) {
        return "; this is a checkpoint with image input, only text models are supported";
      }
    }
    return "";
  }

  std::span<const NamedTensor> tensors_;
  std::vector<bool> used_;
  std::unordered_map<std::string_view, size_t> index_;
};

LayerWeights BindLayer(TensorTable& table, const ModelConfig& config, int layer) {
  const auto name = [&](std::string_view rest) { return fmt::format("layers.{}.{}.weight", layer, rest); };
  const int64_t dim = config.dim;
  const int64_t q_dim = int64_t{config.n_heads} * config.head_dim;
  const int64_t kv_dim = int64_t{config.n_kv_heads} * config.head_dim;
  const int64_t hidden = config.hidden_dim;
  LayerWeights w;
  w.attention_norm = table.Vector(name("attention_norm"), dim, "[dim]");
  w.wq = table.Matrix(name("attention.wq"), q_dim, dim, "[n_heads * head_dim, dim]");
  w.wk = table.Matrix(name("attention.wk"), kv_dim, dim, "[n_kv_heads * head_dim, dim]");
  w.wv = table.Matrix(name("attention.wv"), kv_dim, dim, "[n_kv_heads * head_dim, dim]");
  w.wo = table.Matrix(name("attention.wo"), dim, q_dim, "[dim, n_heads * head_dim]");
  w.ffn_norm = table.Vector(name("ffn_norm"), dim, "[dim]");
  w.w1 = table.Matrix(name("feed_forward.w1"), hidden, dim, "[hidden_dim, dim]");
  w.w3 = table.Matrix(name("feed_forward.w3"), hidden, dim, "[hidden_dim, dim]");
  w.w2 = table.Matrix(name("feed_forward.w2"), dim, hidden, "[dim, hidden_dim]");
  return w;
}

// Llama 2's params.json leaves the vocabulary's size to the tokenizer; the embedding has one row per token.
int VocabularySize(const TensorView& embeddings) {
  constexpr int64_t kMax = 1 << 24;
  if (embeddings.shape.size() != 2 || embeddings.shape[0] < 1 || embeddings.shape[0] > kMax) {
    throw FormatError(
        fmt::format("tensor 'tok_embeddings.weight': expected shape [vocab_size, dim], found {}",
                    embeddings.ShapeString()));
  }
  return static_cast<int>(embeddings.shape[0]);
}

}  // namespace

BoundWeights BindLlamaWeights(std::span<const NamedTensor> tensors, ModelConfig& config) {
  constexpr std::string_view kEmbeddings = "tok_embeddings.weight";
  constexpr std::string_view kOutput = "output.weight";
  TensorTable table(tensors);
  BoundWeights bound;
  if (config.vocab_size == 0) config.vocab_size = VocabularySize(table.Get(kEmbeddings));
  bound.weights.tok_embeddings =
      table.Matrix(kEmbeddings, config.vocab_size, config.dim, "[vocab_size, dim]");
  for (int layer = 0; layer < config.n_layers; ++layer) {
    bound.weights.layers.push_back(BindLayer(table, config, layer));
  }
  bound.weights.norm = table.Vector("norm.weight", config.dim, "[dim]");
  if (table.Find(kOutput) != nullptr) {
    bound.weights.output = table.Matrix(kOutput, config.vocab_size, config.dim, "[vocab_size, dim]");
  } else {
    bound.weights.output = bound.weights.tok_embeddings;
    bound.notices.push_back(
        "output.weight is absent: tok_embeddings.weight is used in its place (tied weights)");
  }
  table.ReportUnused(bound.notices);
  return bound;
}

}  // namespace puna
