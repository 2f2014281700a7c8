#include "tests/support/tiny_model.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <span>
#include <string_view>

#include "engine/base/check.h"
#include "tests/support/pth_writer.h"
#include "tests/support/sentencepiece_builder.h"

namespace puna::test {
namespace {

enum class Split { kNone, kRows, kColumns };

struct WholeTensor {
  std::string name;
  std::vector<int64_t> shape;
  Split split = Split::kNone;
};

std::vector<WholeTensor> TensorsOf(const TinyModel& m) {
  const int64_t dim = m.dim, hidden = m.hidden_dim(), head_dim = m.dim / m.n_heads;
  const int64_t q = m.n_heads * head_dim, kv = m.n_kv_heads * head_dim;
  std::vector<WholeTensor> tensors;
  tensors.push_back({"tok_embeddings.weight",
                     {m.vocab_size(), dim},
                     m.embeddings_by_columns ? Split::kColumns : Split::kRows});
  for (int layer = 0; layer < m.n_layers; ++layer) {
    const std::string name = fmt::format("layers.{}.", layer);
    tensors.push_back({name + "attention.wq.weight", {q, dim}, Split::kRows});
    tensors.push_back({name + "attention.wk.weight", {kv, dim}, Split::kRows});
    tensors.push_back({name + "attention.wv.weight", {kv, dim}, Split::kRows});
    tensors.push_back({name + "attention.wo.weight", {dim, q}, Split::kColumns});
    tensors.push_back({name + "feed_forward.w1.weight", {hidden, dim}, Split::kRows});
    tensors.push_back({name + "feed_forward.w2.weight", {dim, hidden}, Split::kColumns});
    tensors.push_back({name + "feed_forward.w3.weight", {hidden, dim}, Split::kRows});
    tensors.push_back({name + "attention_norm.weight", {dim}});
    tensors.push_back({name + "ffn_norm.weight", {dim}});
  }
  tensors.push_back({"norm.weight", {dim}});
  if (!m.tied) tensors.push_back({"output.weight", {m.vocab_size(), dim}, Split::kRows});
  if (m.sentencepiece) tensors.push_back({"rope.freqs", {head_dim / 2}});
  return tensors;
}

// Element i of the tensor `stream`: a multiple of 1/64 below 1/4, norms around 1.
float Element(const TinyModel& m, size_t stream, int64_t i, bool norm) {
  uint64_t x = m.seed * 0x9E3779B97F4A7C15u + stream * 0xD1B54A32D192ED03u + static_cast<uint64_t>(i);
  x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93u;
  x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93u;
  const float value = static_cast<float>(static_cast<int>(x >> 40 & 31) - 16) / 64.0f;
  return norm ? 1.0f + value : value;
}

// Of a normal number or zero with few digits: exact in both types.
uint16_t HalfBits(DType dtype, float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (dtype == DType::kBF16 || value == 0.0f) return static_cast<uint16_t>(bits >> 16);
  const uint32_t exponent = (bits >> 23 & 0xFF) - 127 + 15;
  return static_cast<uint16_t>(bits >> 16 & 0x8000) | static_cast<uint16_t>(exponent << 10) |
         static_cast<uint16_t>(bits >> 13 & 0x3FF);
}

void AppendElement(DType dtype, float value, std::string& out) {
  char bytes[4];
  if (dtype == DType::kF32) {
    std::memcpy(bytes, &value, 4);
    out.append(bytes, 4);
    return;
  }
  const uint16_t bits = HalfBits(dtype, value);
  std::memcpy(bytes, &bits, 2);
  out.append(bytes, 2);
}

// The rows and columns of `tensor` that shard `shard` holds.
std::string PieceOf(const TinyModel& m, size_t stream, const WholeTensor& tensor, int shard) {
  const int64_t rows = tensor.shape[0], cols = tensor.shape.size() > 1 ? tensor.shape[1] : 1;
  const int64_t piece_rows = tensor.split == Split::kRows ? rows / m.shards : rows;
  const int64_t piece_cols = tensor.split == Split::kColumns ? cols / m.shards : cols;
  const int64_t first_row = tensor.split == Split::kRows ? shard * piece_rows : 0;
  const int64_t first_col = tensor.split == Split::kColumns ? shard * piece_cols : 0;
  const bool norm = tensor.shape.size() == 1;
  const int64_t header = 256 + 6;  // <|start_header_id|>, and <|end_header_id|> after it
  std::string bytes;
  for (int64_t row = first_row; row < first_row + piece_rows; ++row) {
    const bool zero = stream == 0 && m.untrained_headers && (row == header || row == header + 1);
    for (int64_t col = first_col; col < first_col + piece_cols; ++col) {
      AppendElement(m.dtype, zero ? 0.0f : Element(m, stream, row * cols + col, norm), bytes);
    }
  }
  return bytes;
}

void WriteShard(const std::filesystem::path& directory, const TinyModel& m, int shard) {
  const std::vector<WholeTensor> whole = TensorsOf(m);
  std::vector<PthTensor> tensors;
  for (const WholeTensor& tensor : whole) {
    std::vector<int64_t> shape = tensor.shape;
    if (tensor.split != Split::kNone) {
      int64_t& extent = shape[tensor.split == Split::kRows ? 0 : 1];
      CHECK(extent % m.shards == 0) << tensor.name << ": " << extent;
      extent /= m.shards;
    }
    tensors.push_back({.name = tensor.name, .dtype = m.dtype, .shape = shape});
  }
  PthWriter writer(directory / fmt::format("consolidated.{:02}.pth", shard), tensors);
  for (size_t i = 0; i < whole.size(); ++i) {
    const std::string bytes = PieceOf(m, i, whole[i], shard);
    writer.Append(std::as_bytes(std::span(bytes)));
  }
  writer.Finish();
}

std::string Base64OfByte(unsigned byte) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return {kDigits[byte >> 2], kDigits[(byte & 3) << 4], '=', '='};
}

}  // namespace

int TinyModel::hidden_dim() const {
  const double size = std::trunc(ffn_dim_multiplier * std::trunc(8.0 * dim / 3.0));
  return static_cast<int>(std::ceil(size / multiple_of)) * multiple_of;
}

int TinyModel::vocab_size() const { return sentencepiece ? 272 : 512; }

std::string ParamsJsonOf(const TinyModel& m) {
  std::string json = fmt::format(
      R"({{"dim": {}, "n_layers": {}, "n_heads": {}, "n_kv_heads": {}, "vocab_size": {}, "multiple_of": {},
 "ffn_dim_multiplier": {}, "norm_eps": 1e-05)",
      m.dim, m.n_layers, m.n_heads, m.n_kv_heads, m.sentencepiece ? -1 : m.vocab_size(), m.multiple_of,
      m.ffn_dim_multiplier);
  if (!m.sentencepiece) json += R"(, "rope_theta": 500000.0)";
  return json + m.more_params + "}\n";
}

std::string TokenizerOf(const TinyModel& m) {
  if (m.sentencepiece) {
    return SentencePieceBuilder()
        .Pieces({"\u2581", "e", "t", "a", "o", "n", "h", "i", "\u2581t", "he", "\u2581a", "in", "\u2581the"})
        .Build();
  }
  std::string text;
  for (unsigned byte = 0; byte < 256; ++byte) text += fmt::format("{} {}\n", Base64OfByte(byte), byte);
  return text;
}

void WriteTinyModel(const std::filesystem::path& directory, const TinyModel& model) {
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "params.json", std::ios::binary) << ParamsJsonOf(model);
  std::ofstream(directory / "tokenizer.model", std::ios::binary) << TokenizerOf(model);
  for (int shard = 0; shard < model.shards; ++shard) WriteShard(directory, model, shard);
}

}  // namespace puna::test
