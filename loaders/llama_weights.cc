#include "loaders/llama_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "loaders/load_error.h"

namespace puna {
namespace {

constexpr size_t kMaxNamedExtras = 8;

// How Meta splits a matrix over shards.
enum class Split { kRows, kColumns, kEither };

std::string ShardFile(size_t shard) { return fmt::format("consolidated.{:02}.pth", shard); }

// The tensors of one shard by name; remembers which were fetched.
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

 private:
  std::span<const NamedTensor> tensors_;
  std::vector<bool> used_;
  std::unordered_map<std::string_view, size_t> index_;
};

// The tensors of all shards, put together.
class ShardedTable {
 public:
  explicit ShardedTable(std::span<const std::vector<NamedTensor>> shards) {
    CHECK(!shards.empty() && shards.size() <= MatrixView::kMaxPieces) << shards.size();
    for (const std::vector<NamedTensor>& tensors : shards) tables_.emplace_back(tensors);
  }

  bool Has(std::string_view name) { return tables_[0].Find(name) != nullptr; }

  // Of every shard, all of one type and shape.
  std::vector<const TensorView*> Get(std::string_view name) {
    std::vector<const TensorView*> views;
    for (TensorTable& table : tables_) {
      const TensorView* view = table.Find(name);
      if (view == nullptr) {
        throw FormatError(
            fmt::format("tensor '{}' is missing{}{}", name, In(views.size()), table.HintAtOtherNames()));
      }
      views.push_back(view);
      if (view->dtype == views[0]->dtype && view->shape == views[0]->shape) continue;
      throw FormatError(fmt::format("tensor '{}'{}: expected {} {} as in {}, found {} {}", name,
                                    In(views.size() - 1), Name(views[0]->dtype), views[0]->ShapeString(),
                                    ShardFile(0), Name(view->dtype), view->ShapeString()));
    }
    return views;
  }

  // `of` says where the expectation comes from, e.g. "[hidden_dim, dim]".
  MatrixView Matrix(std::string_view name, int64_t rows, int64_t cols, std::string_view of, Split split) {
    const std::vector<const TensorView*> views = Get(name);
    const auto n = static_cast<int64_t>(views.size());
    const std::vector<int64_t>& shape = views[0]->shape;
    const auto is = [&](int64_t r, int64_t c) { return shape.size() == 2 && shape[0] == r && shape[1] == c; };
    MatrixView matrix{.dtype = views[0]->dtype, .rows = rows, .cols = cols, .data = nullptr};
    if (n == 1 && is(rows, cols)) {
      matrix.data = views[0]->data;
      return matrix;
    }
    const bool by_rows = n > 1 && split != Split::kColumns && rows % n == 0 && is(rows / n, cols);
    const bool by_columns = n > 1 && split != Split::kRows && cols % n == 0 && is(rows, cols / n);
    if (!by_rows && !by_columns) {
      FailShape(name, fmt::format("{} = [{}, {}]", of, rows, cols), split, *views[0]);
    }
    (by_rows ? matrix.piece_rows : matrix.piece_cols) = by_rows ? rows / n : cols / n;
    for (size_t i = 0; i < views.size(); ++i) matrix.pieces[i] = views[i]->data;
    return matrix;
  }

  VectorView Vector(std::string_view name, int64_t size, std::string_view of) {
    const std::vector<const TensorView*> views = Get(name);
    if (views[0]->shape.size() != 1 || views[0]->shape[0] != size)
      FailShape(name, fmt::format("{} = [{}]", of, size), std::nullopt, *views[0]);
    return {.dtype = views[0]->dtype, .size = size, .data = views[0]->data};
  }

  // Every shard has its copy; other numbers mean a shard of another model.
  void CheckCopies(std::string_view name) {
    const std::vector<const TensorView*> views = Get(name);
    const size_t bytes = static_cast<size_t>(views[0]->NumElements()) * SizeOf(views[0]->dtype);
    for (size_t i = 1; i < views.size(); ++i) {
      if (std::memcmp(views[0]->data, views[i]->data, bytes) == 0) continue;
      throw FormatError(
          fmt::format("tensor '{}'{}: expected a copy of the one in {}, found other numbers: the files "
                      "are of different models",
                      name, In(i), ShardFile(0)));
    }
  }

  void ReportUnused(std::vector<std::string>& notices) const { tables_[0].ReportUnused(notices); }

 private:
  std::string In(size_t shard) const {
    return tables_.size() == 1 ? "" : fmt::format(" in {}", ShardFile(shard));
  }

  [[noreturn]] void FailShape(std::string_view name, std::string_view expected, std::optional<Split> split,
                              const TensorView& view) const {
    const size_t n = tables_.size();
    std::string pieces;
    if (n > 1 && split) {
      pieces = fmt::format(", in {} pieces by {}", n,
                           *split == Split::kRows      ? "rows"
                           : *split == Split::kColumns ? "columns"
                                                       : "rows or columns");
    }
    throw FormatError(fmt::format("tensor '{}': expected shape {} by params.json{}, found {}{}", name,
                                  expected, pieces, view.ShapeString(),
                                  pieces.empty() ? "" : "; are consolidated.NN.pth files missing?"));
  }

  std::vector<TensorTable> tables_;
};

LayerWeights BindLayer(ShardedTable& table, const ModelConfig& config, int layer) {
  const auto name = [&](std::string_view rest) { return fmt::format("layers.{}.{}.weight", layer, rest); };
  const int64_t dim = config.dim;
  const int64_t q_dim = int64_t{config.n_heads} * config.head_dim;
  const int64_t kv_dim = int64_t{config.n_kv_heads} * config.head_dim;
  const int64_t hidden = config.hidden_dim;
  LayerWeights w;
  w.attention_norm = table.Vector(name("attention_norm"), dim, "[dim]");
  w.wq = table.Matrix(name("attention.wq"), q_dim, dim, "[n_heads * head_dim, dim]", Split::kRows);
  w.wk = table.Matrix(name("attention.wk"), kv_dim, dim, "[n_kv_heads * head_dim, dim]", Split::kRows);
  w.wv = table.Matrix(name("attention.wv"), kv_dim, dim, "[n_kv_heads * head_dim, dim]", Split::kRows);
  w.wo = table.Matrix(name("attention.wo"), dim, q_dim, "[dim, n_heads * head_dim]", Split::kColumns);
  w.ffn_norm = table.Vector(name("ffn_norm"), dim, "[dim]");
  w.w1 = table.Matrix(name("feed_forward.w1"), hidden, dim, "[hidden_dim, dim]", Split::kRows);
  w.w3 = table.Matrix(name("feed_forward.w3"), hidden, dim, "[hidden_dim, dim]", Split::kRows);
  w.w2 = table.Matrix(name("feed_forward.w2"), dim, hidden, "[dim, hidden_dim]", Split::kColumns);
  return w;
}

// Llama 2's params.json leaves the vocabulary's size to the tokenizer; the embedding has one row per token.
int VocabularySize(const TensorView& embeddings, int64_t shards, int64_t dim) {
  constexpr int64_t kMax = 1 << 24;
  if (embeddings.shape.size() != 2 || embeddings.shape[0] < 1 || embeddings.shape[0] > kMax) {
    throw FormatError(
        fmt::format("tensor 'tok_embeddings.weight': expected shape [vocab_size, dim], found {}",
                    embeddings.ShapeString()));
  }
  const bool by_rows = shards > 1 && embeddings.shape[1] == dim;
  return static_cast<int>(std::min(kMax, embeddings.shape[0] * (by_rows ? shards : 1)));
}

}  // namespace

BoundWeights BindLlamaWeights(std::span<const std::vector<NamedTensor>> shards, ModelConfig& config) {
  constexpr std::string_view kEmbeddings = "tok_embeddings.weight";
  constexpr std::string_view kOutput = "output.weight";
  constexpr std::string_view kNorm = "norm.weight";
  ShardedTable table(shards);
  BoundWeights bound;
  if (config.vocab_size == 0) {
    config.vocab_size =
        VocabularySize(*table.Get(kEmbeddings)[0], static_cast<int64_t>(shards.size()), config.dim);
  }
  bound.weights.tok_embeddings =
      table.Matrix(kEmbeddings, config.vocab_size, config.dim, "[vocab_size, dim]", Split::kEither);
  for (int layer = 0; layer < config.n_layers; ++layer) {
    bound.weights.layers.push_back(BindLayer(table, config, layer));
  }
  bound.weights.norm = table.Vector(kNorm, config.dim, "[dim]");
  table.CheckCopies(kNorm);
  if (table.Has(kOutput)) {
    bound.weights.output =
        table.Matrix(kOutput, config.vocab_size, config.dim, "[vocab_size, dim]", Split::kRows);
  } else {
    bound.weights.output = bound.weights.tok_embeddings;
    bound.notices.push_back(
        "output.weight is absent: tok_embeddings.weight is used in its place (tied weights)");
  }
  table.ReportUnused(bound.notices);
  return bound;
}

}  // namespace puna
