#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "engine/model/batch.h"
#include "engine/model/config.h"
#include "engine/model/language_model.h"
#include "engine/model/weights.h"

namespace puna {

class ThreadPool;

struct LlamaOptions {
  // Rows per Forward. Scratch grows with it.
  int max_rows = 128;
  // Positions one sequence may reach; sizes the RoPE table.
  int max_positions = 8192;
  // KV blocks in the pool, each kKvBlockTokens positions of all layers.
  int num_kv_blocks = 0;
};

// Llama 3.x: embedding, n_layers of (RMSNorm, GQA with RoPE over the paged KV cache, RMSNorm, SwiGLU),
// RMSNorm, output. One Forward for prompt and decode. Owns the KV cache and scratch, all of it allocated by
// the constructor; holds views of the weights and a reference to the pool, which outlive it. Only one thread
// may call Forward at a time.
class Llama final : public LanguageModel {
 public:
  Llama(const ModelConfig& config, const Weights& weights, ThreadPool& pool, const LlamaOptions& options);
  ~Llama() override;

  std::span<const float> Forward(const Batch& batch) override;
  std::span<const float> Hidden() const override;
  int vocab_size() const override;
  int hidden_size() const override;

  size_t KvBytes() const;
  size_t ScratchBytes() const;

  // Bytes of one KV block of this model: 2 * n_layers * n_kv_heads * head_dim * kKvBlockTokens * 4.
  static size_t KvBlockBytes(const ModelConfig& config);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace puna
