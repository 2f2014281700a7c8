#include "server/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

#include "engine/tensor/dtype.h"

namespace puna {
namespace {

// Raised when a change of the kernels' definitions or of the chat format changes answers.
constexpr uint64_t kArithmeticVersion = 1;

constexpr size_t kSampleBytes = 256;

// FNV-1a, 64 bits.
class Hash {
 public:
  void Add(std::span<const std::byte> bytes) {
    for (const std::byte b : bytes) value_ = (value_ ^ static_cast<uint64_t>(b)) * 0x100000001b3ull;
  }
  void Add(std::string_view text) {
    Add(text.size());
    Add(std::as_bytes(std::span(text)));
  }
  void Add(uint64_t number) { Add(std::as_bytes(std::span(&number, 1))); }
  void Add(int number) { Add(static_cast<uint64_t>(number)); }
  void Add(double number) { Add(std::as_bytes(std::span(&number, 1))); }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325ull;
};

void AddSamples(Hash& hash, std::span<const std::byte> bytes) {
  const size_t sample = std::min(bytes.size(), kSampleBytes);
  hash.Add(bytes.size());
  hash.Add(bytes.first(sample));
  hash.Add(bytes.subspan((bytes.size() - sample) / 2, sample));
  hash.Add(bytes.last(sample));
}

void AddConfig(Hash& hash, const ModelConfig& c) {
  for (const int symbol :
       {c.dim, c.n_layers, c.n_heads, c.n_kv_heads, c.head_dim, c.hidden_dim, c.vocab_size})
    hash.Add(symbol);
  hash.Add(static_cast<double>(c.norm_eps));
  hash.Add(static_cast<double>(c.rope_theta));
  hash.Add(c.rope_scaling.has_value() ? 1 : 0);
  if (!c.rope_scaling) return;
  hash.Add(static_cast<double>(c.rope_scaling->factor));
  hash.Add(static_cast<double>(c.rope_scaling->low_freq_factor));
  hash.Add(static_cast<double>(c.rope_scaling->high_freq_factor));
  hash.Add(static_cast<double>(c.rope_scaling->original_context));
}

}  // namespace

std::string SystemFingerprint(const ModelDir& model) {
  Hash hash;
  hash.Add(kArithmeticVersion);
  AddConfig(hash, model.config);
  hash.Add(model.tokenizer_file.text());
  for (const TensorInfo& tensor : model.tensors) {
    hash.Add(tensor.name);
    hash.Add(Name(tensor.view.dtype));
    hash.Add(tensor.view.ShapeString());
    AddSamples(hash, {tensor.view.data, static_cast<size_t>(tensor.bytes)});
  }
  return fmt::format("fp_{:010x}", hash.value() & 0xffffffffffull);
}

}  // namespace puna
