#include "engine/model/llama.h"

#include <algorithm>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/thread_pool.h"
#include "engine/model/activations.h"
#include "engine/model/kv_cache.h"
#include "engine/ops/attention.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/rms_norm.h"
#include "engine/ops/rope.h"

namespace puna {
namespace {

size_t S(int n) { return static_cast<size_t>(n); }

}  // namespace

struct Llama::Impl {
  Impl(const ModelConfig& config_in, const Weights& weights_in, ThreadPool& pool_in,
       const LlamaOptions& options_in)
      : config(config_in),
        weights(weights_in),
        pool(pool_in),
        options(options_in),
        shape{config.n_heads, config.n_kv_heads, config.head_dim},
        rope(config.head_dim, config.rope_theta, config.rope_scaling, options.max_positions),
        kv(config, options.num_kv_blocks),
        a(config, S(options.max_rows), S(options.max_positions), S(pool.threads())) {}

  std::span<const float> Forward(const Batch& batch);

  void Check(const Batch& batch) const;
  void Embed(const Batch& batch);
  void SelfAttention(int layer, const Batch& batch);
  void FeedForward(const LayerWeights& layer, size_t rows);
  void NormHiddenRows(const Batch& batch);
  size_t KeepRowsThatWantLogits(const Batch& batch);

  void Norm(const VectorView& weight, size_t rows);
  void Project(ActivationRows& in, size_t rows, std::span<const Projection> projections);
  void AddDelta(size_t rows);
  // Calls body(row) for each row, rows shared out over the pool.
  template <typename Body>
  void ForRows(size_t rows, Body body);

  const ModelConfig config;
  const Weights weights;
  ThreadPool& pool;
  const LlamaOptions options;
  const AttentionShape shape;
  const RopeTable rope;
  KvCache kv;
  Activations a;
  std::vector<AttentionSequence> sequences;  // of the current batch
  size_t hidden_rows = 0;                    // of the last batch
};

template <typename Body>
void Llama::Impl::ForRows(size_t rows, Body body) {
  if (rows == 1) return body(size_t{0});
  pool.Run([&](int thread, int threads) {
    const Range range = StaticSplit(rows, thread, threads);
    for (size_t row = range.begin; row < range.end; ++row) body(row);
  });
}

std::span<const float> Llama::Impl::Forward(const Batch& batch) {
  Check(batch);
  const size_t rows = batch.rows.size();
  Embed(batch);
  for (int l = 0; l < config.n_layers; ++l) {
    const LayerWeights& layer = weights.layers[S(l)];
    Norm(layer.attention_norm, rows);
    SelfAttention(l, batch);
    AddDelta(rows);
    Norm(layer.ffn_norm, rows);
    FeedForward(layer, rows);
    AddDelta(rows);
  }
  NormHiddenRows(batch);
  const size_t wanted = KeepRowsThatWantLogits(batch);
  if (wanted == 0) return {};
  Norm(weights.norm, wanted);
  auto* logits = reinterpret_cast<float*>(a.logits.data());
  Project(a.normed, wanted, {{Projection{weights.output, logits, config.vocab_size}}});
  return {logits, wanted * S(config.vocab_size)};
}

// A batch that breaks its promises would read or write beyond a buffer: our own mistake, found at the door.
void Llama::Impl::Check(const Batch& batch) const {
  CHECK(!batch.rows.empty() && batch.rows.size() <= S(options.max_rows)) << batch.rows.size() << " rows";
  size_t next = 0;
  for (const BatchSequence& sequence : batch.sequences) {
    CHECK(S(sequence.first_row) == next && sequence.n_rows >= 1)
        << sequence.first_row << ", " << sequence.n_rows;
    next += S(sequence.n_rows);
    CHECK(next <= batch.rows.size()) << next << " of " << batch.rows.size();
    const int first = batch.rows[S(sequence.first_row)].position;
    for (int i = 0; i < sequence.n_rows; ++i) {
      const BatchRow& row = batch.rows[S(sequence.first_row + i)];
      CHECK(row.position == first + i && first >= 0) << "position " << row.position;
      CHECK(row.position < options.max_positions) << "position " << row.position;
      CHECK(row.token >= 0 && row.token < config.vocab_size) << "token " << row.token;
    }
    CHECK(sequence.block_table.size() * kKvBlockTokens >= S(first + sequence.n_rows))
        << sequence.block_table.size();
    for (const int32_t block : sequence.block_table)
      CHECK(block >= 0 && block < kv.num_blocks()) << "block " << block;
  }
  CHECK(next == batch.rows.size()) << next << " of " << batch.rows.size();
}

void Llama::Impl::Embed(const Batch& batch) {
  ForRows(batch.rows.size(), [&](size_t row) {
    EmbedRow(weights.tok_embeddings, batch.rows[row].token, {a.x.Row(row), a.x.cols()});
  });
}

void Llama::Impl::SelfAttention(int l, const Batch& batch) {
  const LayerWeights& layer = weights.layers[S(l)];
  const size_t rows = batch.rows.size();
  const KvLayerView cache = kv.Layer(l);
  Project(a.normed, rows,
          {{Projection{layer.wq, a.q.data(), a.q.stride()}, Projection{layer.wk, a.k.data(), a.k.stride()},
            Projection{layer.wv, a.v.data(), a.v.stride()}}});
  ForRows(rows, [&](size_t row) {
    ApplyRope(rope, batch.rows[row].position, {a.q.Row(row), a.q.cols()});
    ApplyRope(rope, batch.rows[row].position, {a.k.Row(row), a.k.cols()});
  });
  sequences.clear();
  for (const BatchSequence& s : batch.sequences) {
    sequences.push_back({s.first_row, s.n_rows, batch.rows[S(s.first_row)].position, s.block_table});
  }
  StoreKv(shape, sequences, a.k.data(), a.k.stride(), a.v.data(), a.v.stride(), cache);
  Attention(pool, shape, sequences, a.q.data(), a.q.stride(), cache, a.heads.data(), a.heads.stride(),
            a.attention);
  Project(a.heads, rows, {{Projection{layer.wo, a.delta.data(), a.delta.stride()}}});
}

void Llama::Impl::FeedForward(const LayerWeights& layer, size_t rows) {
  Project(a.normed, rows,
          {{Projection{layer.w1, a.gate.data(), a.gate.stride()},
            Projection{layer.w3, a.up.data(), a.up.stride()}}});
  const size_t cols = a.gate.cols();
  if (rows == 1) {
    SiluMul({a.gate.Row(0), cols}, {a.up.Row(0), cols});
  } else {
    ForRows(rows, [&](size_t row) { SiluMul({a.gate.Row(row), cols}, {a.up.Row(row), cols}); });
  }
  Project(a.gate, rows, {{Projection{layer.w2, a.delta.data(), a.delta.stride()}}});
}

// Before the rows that want logits take the place of others.
void Llama::Impl::NormHiddenRows(const Batch& batch) {
  const size_t cols = a.x.cols();
  hidden_rows = S(static_cast<int>(std::ranges::count_if(batch.rows, &BatchRow::wants_hidden)));
  a.hidden.Grow(hidden_rows * cols * sizeof(float), "hidden states");
  auto* out = reinterpret_cast<float*>(a.hidden.data());
  for (size_t row = 0; row < batch.rows.size(); ++row) {
    if (!batch.rows[row].wants_hidden) continue;
    RmsNorm({a.x.Row(row), cols}, weights.norm, config.norm_eps, {out, cols});
    out += cols;
  }
}

// Moves the rows that want logits to the front of x and makes room for what they get. Returns how many there
// are.
size_t Llama::Impl::KeepRowsThatWantLogits(const Batch& batch) {
  size_t wanted = 0;
  for (size_t row = 0; row < batch.rows.size(); ++row) {
    if (!batch.rows[row].wants_logits) continue;
    if (wanted != row) std::copy(a.x.Row(row), a.x.Row(row) + a.x.cols(), a.x.Row(wanted));
    ++wanted;
  }
  a.logits.Grow(wanted * S(config.vocab_size) * sizeof(float), "logits");
  return wanted;
}

void Llama::Impl::Norm(const VectorView& weight, size_t rows) {
  const size_t cols = a.x.cols();
  ForRows(rows, [&](size_t row) {
    RmsNorm({a.x.Row(row), cols}, weight, config.norm_eps, {a.normed.Row(row), cols});
  });
}

void Llama::Impl::Project(ActivationRows& in, size_t rows, std::span<const Projection> projections) {
  MatMul(pool, in.data(), in.stride(), rows, in.cols(), projections, a.matmul);
}

void Llama::Impl::AddDelta(size_t rows) {
  const size_t cols = a.x.cols();
  ForRows(rows, [&](size_t row) { Add({a.delta.Row(row), cols}, {a.x.Row(row), cols}); });
}

Llama::Llama(const ModelConfig& config, const Weights& weights, ThreadPool& pool, const LlamaOptions& options)
    : impl_(std::make_unique<Impl>(config, weights, pool, options)) {}

Llama::~Llama() = default;

std::span<const float> Llama::Forward(const Batch& batch) { return impl_->Forward(batch); }
std::span<const float> Llama::Hidden() const {
  return {reinterpret_cast<const float*>(impl_->a.hidden.data()), impl_->hidden_rows * S(hidden_size())};
}
int Llama::vocab_size() const { return impl_->config.vocab_size; }
void Llama::CopyKvBlock(int from, int to) { impl_->kv.CopyBlock(from, to); }
int Llama::hidden_size() const { return impl_->config.dim; }
size_t Llama::KvBytes() const { return impl_->kv.Bytes(); }
size_t Llama::ScratchBytes() const { return impl_->a.Bytes() + impl_->rope.Bytes(); }
size_t Llama::KvBlockBytes(const ModelConfig& config) { return KvCache::BlockBytes(config); }

}  // namespace puna
