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
  void Begin(const Batch& batch);
  void Embed();
  void SelfAttention(int layer);
  void LastKeysAndValues(const LayerWeights& layer, const KvLayerView& cache);
  void FeedForward(const LayerWeights& layer);
  void NormHiddenRows();
  std::span<const float> Logits();

  void Norm(const VectorView& weight);
  void Project(ActivationRows& in, std::span<const Projection> projections);
  void AddDelta();
  // Calls body(row) for each live row, rows shared out over the pool.
  template <typename Body>
  void ForRows(Body body);
  // Goes on with the live rows for which keep(row of the batch) holds; they move to the front of x and
  // normed.
  template <typename Keep>
  void KeepRows(Keep keep);

  const ModelConfig config;
  const Weights weights;
  ThreadPool& pool;
  const LlamaOptions options;
  const AttentionShape shape;
  const RopeTable rope;
  KvCache kv;
  Activations a;
  std::vector<const BatchRow*> live;         // the rows that are still computed: live[i] is row i of x
  std::vector<AttentionSequence> sequences;  // of the live rows
  size_t hidden_rows = 0;                    // of the last batch
};

template <typename Body>
void Llama::Impl::ForRows(Body body) {
  const size_t rows = live.size();
  if (rows == 1) return body(size_t{0});
  pool.Run([&](int thread, int threads) {
    const Range range = StaticSplit(rows, thread, threads);
    for (size_t row = range.begin; row < range.end; ++row) body(row);
  });
}

template <typename Keep>
void Llama::Impl::KeepRows(Keep keep) {
  const auto move = [](ActivationRows& rows, size_t from, size_t to) {
    if (from != to) std::copy(rows.Row(from), rows.Row(from) + rows.cols(), rows.Row(to));
  };
  std::vector<AttentionSequence> runs;  // of consecutive rows that stay
  size_t kept = 0;
  for (const AttentionSequence& sequence : sequences) {
    bool in_run = false;
    for (int i = 0; i < sequence.n_rows; ++i) {
      const size_t row = S(sequence.first_row + i);
      const bool stays = keep(*live[row]);
      if (stays && !in_run)
        runs.push_back({static_cast<int>(kept), 0, sequence.first_position + i, sequence.block_table});
      in_run = stays;
      if (!stays) continue;
      ++runs.back().n_rows;
      move(a.x, row, kept);
      move(a.normed, row, kept);
      live[kept++] = live[row];
    }
  }
  live.resize(kept);
  sequences = std::move(runs);
}

std::span<const float> Llama::Impl::Forward(const Batch& batch) {
  Check(batch);
  for (const BlockCopy& copy : batch.copies) kv.CopyBlock(copy.from, copy.to);
  Begin(batch);
  Embed();
  for (int l = 0; l < config.n_layers; ++l) {
    const LayerWeights& layer = weights.layers[S(l)];
    Norm(layer.attention_norm);
    SelfAttention(l);
    if (live.empty()) break;
    AddDelta();
    Norm(layer.ffn_norm);
    FeedForward(layer);
    AddDelta();
  }
  NormHiddenRows();
  return Logits();
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

void Llama::Impl::Begin(const Batch& batch) {
  live.clear();
  for (const BatchRow& row : batch.rows) live.push_back(&row);
  sequences.clear();
  for (const BatchSequence& s : batch.sequences)
    sequences.push_back({s.first_row, s.n_rows, live[S(s.first_row)]->position, s.block_table});
}

void Llama::Impl::Embed() {
  ForRows([&](size_t row) {
    EmbedRow(weights.tok_embeddings, live[row]->token, {a.x.Row(row), a.x.cols()});
  });
}

void Llama::Impl::SelfAttention(int l) {
  const LayerWeights& layer = weights.layers[S(l)];
  const KvLayerView cache = kv.Layer(l);
  const Projection query{layer.wq, a.q.data(), a.q.stride()};
  const auto rotate = [&](ActivationRows& rows, size_t row) {
    ApplyRope(rope, live[row]->position, {rows.Row(row), rows.cols()});
  };
  if (l + 1 < config.n_layers) {
    Project(a.normed, {{query, Projection{layer.wk, a.k.data(), a.k.stride()},
                        Projection{layer.wv, a.v.data(), a.v.stride()}}});
    ForRows([&](size_t row) {
      rotate(a.q, row);
      rotate(a.k, row);
    });
    StoreKv(shape, sequences, a.k.data(), a.k.stride(), a.v.data(), a.v.stride(), cache);
  } else {
    // Of most rows of a prompt nobody wants more than the last layer's key and value.
    Project(a.normed, {{Projection{layer.wk, a.k.data(), a.k.stride()},
                        Projection{layer.wv, a.v.data(), a.v.stride()}}});
    ForRows([&](size_t row) { rotate(a.k, row); });
    StoreKv(shape, sequences, a.k.data(), a.k.stride(), a.v.data(), a.v.stride(), cache);
    KeepRows([](const BatchRow& row) { return row.wants_logits || row.wants_hidden; });
    if (live.empty()) return;
    Project(a.normed, {{query}});
    ForRows([&](size_t row) { rotate(a.q, row); });
  }
  Attention(pool, shape, sequences, a.q.data(), a.q.stride(), cache, a.heads.data(), a.heads.stride(),
            a.attention);
  Project(a.heads, {{Projection{layer.wo, a.delta.data(), a.delta.stride()}}});
}

void Llama::Impl::FeedForward(const LayerWeights& layer) {
  Project(a.normed, {{Projection{layer.w1, a.gate.data(), a.gate.stride()},
                      Projection{layer.w3, a.up.data(), a.up.stride()}}});
  const size_t cols = a.gate.cols();
  ForRows([&](size_t row) { SiluMul({a.gate.Row(row), cols}, {a.up.Row(row), cols}); });
  Project(a.gate, {{Projection{layer.w2, a.delta.data(), a.delta.stride()}}});
}

void Llama::Impl::NormHiddenRows() {
  const size_t cols = a.x.cols();
  hidden_rows =
      static_cast<size_t>(std::ranges::count_if(live, [](const BatchRow* row) { return row->wants_hidden; }));
  a.hidden.Grow(hidden_rows * cols * sizeof(float), "hidden states");
  auto* out = reinterpret_cast<float*>(a.hidden.data());
  for (size_t row = 0; row < live.size(); ++row) {
    if (!live[row]->wants_hidden) continue;
    RmsNorm({a.x.Row(row), cols}, weights.norm, config.norm_eps, {out, cols});
    out += cols;
  }
}

std::span<const float> Llama::Impl::Logits() {
  KeepRows([](const BatchRow& row) { return row.wants_logits; });
  if (live.empty()) return {};
  const size_t floats = live.size() * S(config.vocab_size);
  a.logits.Grow(floats * sizeof(float), "logits");
  auto* logits = reinterpret_cast<float*>(a.logits.data());
  Norm(weights.norm);
  Project(a.normed, {{Projection{weights.output, logits, config.vocab_size}}});
  return {logits, floats};
}

void Llama::Impl::Norm(const VectorView& weight) {
  const size_t cols = a.x.cols();
  ForRows([&](size_t row) {
    RmsNorm({a.x.Row(row), cols}, weight, config.norm_eps, {a.normed.Row(row), cols});
  });
}

void Llama::Impl::Project(ActivationRows& in, std::span<const Projection> projections) {
  MatMul(pool, in.data(), in.stride(), live.size(), in.cols(), projections, a.matmul);
}

void Llama::Impl::AddDelta() {
  const size_t cols = a.x.cols();
  ForRows([&](size_t row) { Add({a.delta.Row(row), cols}, {a.x.Row(row), cols}); });
}

Llama::Llama(const ModelConfig& config, const Weights& weights, ThreadPool& pool, const LlamaOptions& options)
    : impl_(std::make_unique<Impl>(config, weights, pool, options)) {}

Llama::~Llama() = default;

std::span<const float> Llama::Forward(const Batch& batch) { return impl_->Forward(batch); }
std::span<const float> Llama::Hidden() const {
  return {reinterpret_cast<const float*>(impl_->a.hidden.data()), impl_->hidden_rows * S(hidden_size())};
}
int Llama::vocab_size() const { return impl_->config.vocab_size; }
int Llama::hidden_size() const { return impl_->config.dim; }
size_t Llama::KvBytes() const { return impl_->kv.Bytes(); }
size_t Llama::ScratchBytes() const { return impl_->a.Bytes() + impl_->rope.Bytes(); }
size_t Llama::KvBlockBytes(const ModelConfig& config) { return KvCache::BlockBytes(config); }

}  // namespace puna
