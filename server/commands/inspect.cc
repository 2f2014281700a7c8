#include "server/commands/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "server/numbers.h"

namespace puna {
namespace {

void Field(std::ostream& out, std::string_view name, std::string_view value) {
  out << fmt::format("  {:<14}{}\n", name, value);
}

std::string DescribeRope(const ModelConfig& config) {
  std::string text = fmt::format("theta {}", config.rope_theta);
  if (config.rope_scaling) {
    const RopeScaling& scaling = *config.rope_scaling;
    text += fmt::format(", scaled by {} from {} positions (low {}, high {})", scaling.factor,
                        scaling.original_context, scaling.low_freq_factor, scaling.high_freq_factor);
  }
  return text;
}

void PrintParameters(std::ostream& out, const ModelDir& model, const ModelKind& kind) {
  const ModelConfig& c = model.config;
  out << Printable(model.name) << " (" << Printable(model.path.string(), 1000) << ")\n";
  Field(out, "parameters",
        fmt::format("{} ({})", Grouped(model.ParameterCount()), FormatCount(model.ParameterCount())));
  Field(out, "weights",
        fmt::format("{} bytes ({})", Grouped(model.WeightBytes()),
                    FormatBytes(static_cast<uint64_t>(model.WeightBytes()))));
  Field(out, "layers", std::to_string(c.n_layers));
  Field(out, "dim", std::to_string(c.dim));
  Field(out, "hidden_dim", std::to_string(c.hidden_dim));
  Field(out, "heads",
        fmt::format("{} for queries, {} for keys and values, {} wide", c.n_heads, c.n_kv_heads, c.head_dim));
  Field(out, "vocabulary", std::to_string(c.vocab_size));
  Field(out, "context", fmt::format("{} positions", c.max_context));
  Field(out, "rope", DescribeRope(c));
  Field(out, "norm_eps", fmt::format("{}", c.norm_eps));
  Field(out, "tokenizer", kind.tokenizer);
  Field(out, "chat format", fmt::format("{}: {}", Name(kind.chat_format), kind.chat_reason));
}

struct Row {
  std::string name, type, shape, bytes, file;
};

void PrintTensors(std::ostream& out, const ModelDir& model) {
  std::vector<Row> rows{{"tensor", "type", "shape", "bytes", "file"}};
  for (const TensorInfo& tensor : model.tensors) {
    rows.push_back({Printable(tensor.name), std::string(Name(tensor.view.dtype)), tensor.view.ShapeString(),
                    Grouped(tensor.bytes),
                    Printable(tensor.file) + (tensor.shared ? " (the same as one above)" : "")});
  }
  size_t name = 0, shape = 0, bytes = 0;
  for (const Row& row : rows) {
    name = std::max(name, row.name.size());
    shape = std::max(shape, row.shape.size());
    bytes = std::max(bytes, row.bytes.size());
  }
  for (const Row& row : rows) {
    out << fmt::format("{:<{}}  {:<4}  {:<{}}  {:>{}}  {}\n", row.name, name, row.type, row.shape, shape,
                       row.bytes, bytes, row.file);
  }
}

void PrintSums(std::ostream& out, const ModelDir& model) {
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kF32}) {
    int64_t tensors = 0, elements = 0, bytes = 0;
    for (const TensorInfo& tensor : model.tensors) {
      if (tensor.view.dtype != dtype || tensor.shared) continue;
      ++tensors;
      elements += tensor.view.NumElements();
      bytes += tensor.bytes;
    }
    if (tensors == 0) continue;
    out << fmt::format("{}: {} tensors, {} elements, {} bytes\n", Name(dtype), Grouped(tensors),
                       Grouped(elements), Grouped(bytes));
  }
  out << fmt::format("all: {} tensors, {} elements, {} bytes\n",
                     Grouped(static_cast<int64_t>(model.tensors.size())), Grouped(model.ParameterCount()),
                     Grouped(model.WeightBytes()));
}

}  // namespace

void PrintInspection(std::ostream& out, const ModelDir& model, const ModelKind& kind) {
  PrintParameters(out, model, kind);
  out << '\n';
  PrintTensors(out, model);
  out << '\n';
  PrintSums(out, model);
  for (const std::string& notice : model.notices) out << "note: " << notice << '\n';
}

}  // namespace puna
