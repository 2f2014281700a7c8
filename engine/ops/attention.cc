#include "engine/ops/attention.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <type_traits>

#include "engine/base/check.h"
#include "engine/base/thread_pool.h"
#include "engine/ops/attention_plan.h"
#include "engine/ops/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/ops/attention.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "engine/ops/vector_math-inl.h"
#include "hwy/cache_control.h"

// The kernels work on an AttentionTile: some rows of one sequence with all query heads of one KV head, so
// that a key or value that was read serves all of them. A (row, head) pair is a query.
HWY_BEFORE_NAMESPACE();
namespace puna::HWY_NAMESPACE {

// Registers of positions (or of value elements) that a group of queries works on: 4 queries times these,
// their keys and their broadcast elements fit the registers.
inline constexpr size_t kStrip = kN == 4 ? 4 : 2;
inline constexpr size_t kStripFloats = kStrip * kN;
inline constexpr size_t kBlock = kKvBlockTokens;
static_assert(kBlock % kStripFloats == 0);

// What will be read next, asked for a line at a time by those who compute meanwhile: a KV head's part of a
// block is short, and the next block lies elsewhere. Hands out the lines of `bytes` from `next` on; nothing
// if there is no next.
class LinesAhead {
 public:
  LinesAhead(const float* next, size_t bytes)
      : at_(reinterpret_cast<const std::byte*>(next)), left_(next ? bytes : 0) {}

  HWY_INLINE void One() {
    if (left_ == 0) return;
    hwy::Prefetch(at_);
    at_ += kLine;
    left_ -= HWY_MIN(left_, kLine);
  }

 private:
  static constexpr size_t kLine = 64;
  const std::byte* at_;
  size_t left_;
};

// scores[i][j] = q[i] . key j of one block, for kQueries queries. keys: [head_dim, kBlock]. All 32 slots are
// computed; lanes do not mix, so slots that were never written spoil only their own score.
template <size_t kQueries>
HWY_INLINE void ScoreBlock(const float* const* q, size_t head_dim, const float* keys, float* const* scores,
                           LinesAhead& ahead) {
  const D d;
  for (size_t j = 0; j < kBlock; j += kStripFloats) {
    V sums[kQueries][kStrip];
    for (auto& row : sums) {
      for (V& sum : row) sum = hn::Zero(d);
    }
    for (size_t e = 0; e < head_dim; ++e) {
      ahead.One();
      V key[kStrip];
      for (size_t s = 0; s < kStrip; ++s) {
        key[s] = hn::LoadU(d, keys + e * kBlock + j + s * kN);
        KeepInRegister(key[s]);
      }
      for (size_t i = 0; i < kQueries; ++i) {
        V element = hn::Set(d, q[i][e]);
        KeepInRegister(element);
        for (size_t s = 0; s < kStrip; ++s) sums[i][s] = hn::MulAdd(element, key[s], sums[i][s]);
      }
    }
    for (size_t i = 0; i < kQueries; ++i) {
      for (size_t s = 0; s < kStrip; ++s) hn::StoreU(sums[i][s], d, scores[i] + j + s * kN);
    }
  }
}

// o[i][e] += p[i][j] * value j [e], j ascending in [0, n), one register strip of e at a time.
template <size_t kQueries, size_t kRegisters, class DF>
HWY_INLINE void AddValueStrip(DF d, const float* const* p, size_t n, size_t head_dim, const float* values,
                              float* const* o, size_t e, LinesAhead& ahead) {
  const size_t width = hn::MaxLanes(d);
  hn::Vec<DF> sums[kQueries][kRegisters];
  for (size_t i = 0; i < kQueries; ++i) {
    for (size_t s = 0; s < kRegisters; ++s) sums[i][s] = hn::LoadU(d, o[i] + e + s * width);
  }
  for (size_t j = 0; j < n; ++j) {
    ahead.One();
    hn::Vec<DF> value[kRegisters];
    for (size_t s = 0; s < kRegisters; ++s) {
      value[s] = hn::LoadU(d, values + j * head_dim + e + s * width);
      KeepInRegister(value[s]);
    }
    for (size_t i = 0; i < kQueries; ++i) {
      auto weight = hn::Set(d, p[i][j]);
      KeepInRegister(weight);
      for (size_t s = 0; s < kRegisters; ++s) sums[i][s] = hn::MulAdd(weight, value[s], sums[i][s]);
    }
  }
  for (size_t i = 0; i < kQueries; ++i) {
    for (size_t s = 0; s < kRegisters; ++s) hn::StoreU(sums[i][s], d, o[i] + e + s * width);
  }
}

template <size_t kQueries>
HWY_INLINE void AddValues(const float* const* p, size_t n, size_t head_dim, const float* values,
                          float* const* o, LinesAhead& ahead) {
  size_t e = 0;
  for (; e + kStripFloats <= head_dim; e += kStripFloats) {
    AddValueStrip<kQueries, kStrip>(D(), p, n, head_dim, values, o, e, ahead);
  }
  for (; e < head_dim; ++e)
    AddValueStrip<kQueries, 1>(hn::CappedTag<float, 1>(), p, n, head_dim, values, o, e, ahead);
}

// Turns the first n of a span's raw scores into p, in place, up to the next whole 16, which hold zeros beyond
// n.
HWY_INLINE void SoftmaxSpan(float* scores, size_t n, float scale, float* max_out, float* sum_out) {
  const D d;
  const V lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  const V scales = hn::Set(d, scale);
  V max = lowest;
  for (size_t j = 0; j < n; j += kN) {
    const V scaled = hn::Mul(hn::Load(d, scores + j), scales);
    const V masked = hn::IfThenElse(hn::FirstN(d, n - j), scaled, lowest);
    hn::Store(masked, d, scores + j);
    max = hn::Max(max, masked);
  }
  const V maxes = hn::MaxOfLanes(d, max);
  V lanes[kParts];
  for (V& lane : lanes) lane = hn::Zero(d);
  for (size_t j = 0; j < n; j += reference::kLanes) {
    for (size_t part = 0; part < kParts; ++part) {
      const size_t at = j + part * kN;
      if (at >= n) break;
      // Adding the +0 of a masked slot changes no bit: sums of exponentials are never -0.
      const V p = hn::IfThenElseZero(hn::FirstN(d, n - at), Exp(d, hn::Sub(hn::Load(d, scores + at), maxes)));
      hn::Store(p, d, scores + at);
      lanes[part] = hn::Add(lanes[part], p);
    }
  }
  *max_out = hn::GetLane(maxes);
  *sum_out = SumLanes(lanes);
}

// Calls step(i, std::integral_constant<size_t, queries>) for groups of 4, then single queries.
template <class Step>
HWY_INLINE void InGroups(size_t n, const Step& step) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) step(i, std::integral_constant<size_t, 4>());
  if (i + 2 <= n) {
    step(i, std::integral_constant<size_t, 2>());
    i += 2;
  }
  if (i < n) step(i, std::integral_constant<size_t, 1>());
}

// One span of one tile: for every query that sees any of it, its maximum, sum and weighted values.
void AttendSpan(const AttentionTile& tile, const KvLayerView& kv, size_t span, SpanResult* results) {
  HWY_ALIGN float scores[kMaxTileQueries][kAttentionSpan];
  const size_t head_dim = tile.head_dim;
  const size_t span_begin = span * kAttentionSpan;
  const float* q[kMaxTileQueries];
  float* s[kMaxTileQueries];
  float* o[kMaxTileQueries];
  size_t visible[kMaxTileQueries];  // positions of this span, 0 .. kAttentionSpan
  size_t most = 0;
  const size_t last_position = tile.Positions(tile.queries - 1);
  for (size_t i = 0; i < tile.queries; ++i) {
    q[i] = tile.Query(i);
    o[i] = results[i].values;
    std::fill(o[i], o[i] + head_dim, 0.0f);
    const size_t positions = tile.Positions(i);
    visible[i] = positions <= span_begin ? 0 : HWY_MIN(positions - span_begin, size_t{kAttentionSpan});
    most = HWY_MAX(most, visible[i]);
  }
  const size_t block_bytes = head_dim * kBlock * sizeof(float);
  for (size_t j = 0; j < most; j += kBlock) {
    const float* keys = kv.keys + tile.BlockOffset(kv, span_begin + j);
    // After the last keys come the first values.
    LinesAhead ahead(j + kBlock < most ? kv.keys + tile.BlockOffset(kv, span_begin + j + kBlock)
                                       : kv.values + tile.BlockOffset(kv, span_begin),
                     block_bytes);
    for (size_t i = 0; i < tile.queries; ++i) s[i] = scores[i] + j;
    InGroups(tile.queries, [&](size_t i, auto count) HWY_ATTR {
      ScoreBlock<decltype(count)::value>(q + i, head_dim, keys, s + i, ahead);
    });
  }
  for (size_t i = 0; i < tile.queries; ++i) {
    if (visible[i] > 0) SoftmaxSpan(scores[i], visible[i], tile.scale, &results[i].max, &results[i].sum);
  }
  for (size_t j = 0; j < most; j += kBlock) {
    const float* values = kv.values + tile.BlockOffset(kv, span_begin + j);
    // After the span's last values come the next span's first keys, if there are more.
    const size_t next = span_begin + j + kBlock;
    LinesAhead ahead(next >= last_position ? nullptr
                     : j + kBlock < most   ? kv.values + tile.BlockOffset(kv, next)
                                           : kv.keys + tile.BlockOffset(kv, next),
                     block_bytes);
    for (size_t i = 0; i < tile.queries; ++i) s[i] = scores[i] + j;
    InGroups(tile.queries, [&](size_t i, auto count) HWY_ATTR {
      constexpr size_t kQueries = decltype(count)::value;
      bool whole = true;
      for (size_t c = 0; c < kQueries; ++c) whole &= visible[i + c] >= j + kBlock;
      if (whole) return AddValues<kQueries>(s + i, kBlock, head_dim, values, o + i, ahead);
      for (size_t c = i; c < i + kQueries; ++c) {
        const size_t n = visible[c] > j ? HWY_MIN(visible[c] - j, kBlock) : 0;
        AddValues<1>(s + c, n, head_dim, values, o + c, ahead);
      }
    });
  }
}

// total becomes total merged with the next span.
void MergeSpan(const SpanResult& next, size_t head_dim, SpanResult& total) {
  const D d;
  const float larger = std::max(total.max, next.max);
  const hn::CappedTag<float, 1> d1;
  const float a = hn::GetLane(Exp(d1, hn::Set(d1, total.max - larger)));
  const float b = hn::GetLane(Exp(d1, hn::Set(d1, next.max - larger)));
  total.sum = std::fma(total.sum, a, next.sum * b);
  total.max = larger;
  size_t e = 0;
  for (; e + kN <= head_dim; e += kN) {
    const V scaled = hn::Mul(hn::LoadU(d, next.values + e), hn::Set(d, b));
    hn::StoreU(hn::MulAdd(hn::LoadU(d, total.values + e), hn::Set(d, a), scaled), d, total.values + e);
  }
  for (; e < head_dim; ++e) total.values[e] = std::fma(total.values[e], a, next.values[e] * b);
}

void FinishQuery(const SpanResult& total, size_t head_dim, float* out) {
  const D d;
  size_t e = 0;
  for (; e + kN <= head_dim; e += kN) {
    hn::StoreU(hn::Div(hn::LoadU(d, total.values + e), hn::Set(d, total.sum)), d, out + e);
  }
  for (; e < head_dim; ++e) out[e] = total.values[e] / total.sum;
}

}  // namespace puna::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace puna {
namespace {

HWY_EXPORT(AttendSpan);
HWY_EXPORT(MergeSpan);
HWY_EXPORT(FinishQuery);

// A tile from its first span to its last, on one thread. values: 2 * tile.queries * head_dim floats of room.
void AttendTile(const AttentionTile& tile, const KvLayerView& kv, float* values) {
  SpanResult total[kMaxTileQueries];
  SpanResult next[kMaxTileQueries];
  for (size_t i = 0; i < tile.queries; ++i) {
    total[i].values = values + i * tile.head_dim;
    next[i].values = values + (tile.queries + i) * tile.head_dim;
  }
  HWY_DYNAMIC_DISPATCH(AttendSpan)(tile, kv, 0, total);
  for (size_t span = 1; span < tile.Spans(); ++span) {
    HWY_DYNAMIC_DISPATCH(AttendSpan)(tile, kv, span, next);
    for (size_t i = 0; i < tile.queries; ++i) {
      if (tile.SpansOf(i) > span) HWY_DYNAMIC_DISPATCH(MergeSpan)(next[i], tile.head_dim, total[i]);
    }
  }
  for (size_t i = 0; i < tile.queries; ++i) {
    HWY_DYNAMIC_DISPATCH(FinishQuery)(total[i], tile.head_dim, tile.Out(i));
  }
}

// Tiles are dealt to the threads as they come free; which thread computes one changes no bit.
void AttendWholeTiles(ThreadPool& pool, const AttentionPlan& plan, const KvLayerView& kv, float* scratch) {
  std::atomic<size_t> dealt{0};
  pool.Run([&](int thread, int) {
    float* values = scratch + plan.ThreadOffset(static_cast<size_t>(thread));
    const size_t tiles = plan.tiles().size();
    for (size_t i = dealt++; i < tiles; i = dealt++) {
      AttendTile(plan.tiles()[tiles - 1 - i], kv, values);  // later rows see more: the long ones first
    }
  });
}

void MergeTile(const AttentionPlan& plan, size_t tile_index, float* scratch) {
  const AttentionTile& tile = plan.tiles()[tile_index];
  for (size_t query = 0; query < tile.queries; ++query) {
    const auto result = [&](size_t span) {
      float* at = scratch + plan.ResultOffset(tile_index, span, query);
      return SpanResult{at[0], at[1], at + 2};
    };
    SpanResult total = result(0);
    for (size_t span = 1; span < tile.SpansOf(query); ++span) {
      HWY_DYNAMIC_DISPATCH(MergeSpan)(result(span), tile.head_dim, total);
    }
    HWY_DYNAMIC_DISPATCH(FinishQuery)(total, tile.head_dim, tile.Out(query));
  }
}

// Few tiles: their spans are dealt to the threads, and merged in order when all are done.
void AttendBySpans(ThreadPool& pool, const AttentionPlan& plan, const KvLayerView& kv, float* scratch) {
  std::atomic<size_t> dealt{0};
  pool.Run([&](int, int) {
    const size_t items = plan.tiles().size() * plan.max_spans();
    for (size_t i = dealt++; i < items; i = dealt++) {
      const size_t tile_index = i / plan.max_spans();
      const size_t span = i % plan.max_spans();
      const AttentionTile& tile = plan.tiles()[tile_index];
      if (span >= tile.Spans()) continue;
      SpanResult results[kMaxTileQueries];
      for (size_t query = 0; query < tile.queries; ++query) {
        results[query] = {0, 0, scratch + plan.ResultOffset(tile_index, span, query) + 2};
      }
      HWY_DYNAMIC_DISPATCH(AttendSpan)(tile, kv, span, results);
      for (size_t query = 0; query < tile.queries; ++query) {
        results[query].values[-2] = results[query].max;
        results[query].values[-1] = results[query].sum;
      }
    }
  });
  for (size_t tile = 0; tile < plan.tiles().size(); ++tile) MergeTile(plan, tile, scratch);
}

}  // namespace

void AttentionScratch::Reserve(const AttentionShape& shape, size_t max_rows, size_t max_positions,
                               size_t max_threads) {
  buffer_.Grow(AttentionPlan::MaxScratchFloats(shape, max_rows, max_positions, max_threads) * sizeof(float),
               "attention scratch");
}

void StoreKv(const AttentionShape& shape, std::span<const AttentionSequence> sequences, const float* k,
             ptrdiff_t k_stride, const float* v, ptrdiff_t v_stride, const KvLayerView& kv) {
  const auto head_dim = static_cast<size_t>(shape.head_dim);
  for (const AttentionSequence& sequence : sequences) {
    for (int i = 0; i < sequence.n_rows; ++i) {
      const int position = sequence.first_position + i;
      const auto slot = static_cast<size_t>(position % kKvBlockTokens);
      const ptrdiff_t block =
          sequence.block_table[static_cast<size_t>(position / kKvBlockTokens)] * kv.block_stride;
      const float* key = k + (sequence.first_row + i) * k_stride;
      const float* value = v + (sequence.first_row + i) * v_stride;
      for (size_t head = 0; head < static_cast<size_t>(shape.n_kv_heads); ++head) {
        float* keys = kv.keys + block + head * head_dim * kKvBlockTokens;
        float* values = kv.values + block + head * head_dim * kKvBlockTokens;
        for (size_t e = 0; e < head_dim; ++e) keys[e * kKvBlockTokens + slot] = key[head * head_dim + e];
        std::copy_n(value + head * head_dim, head_dim, values + slot * head_dim);
      }
    }
  }
}

void Attention(ThreadPool& pool, const AttentionShape& shape, std::span<const AttentionSequence> sequences,
               const float* q, ptrdiff_t q_stride, const KvLayerView& kv, float* out, ptrdiff_t out_stride,
               AttentionScratch& scratch) {
  const AttentionPlan plan(shape, sequences, q, q_stride, out, out_stride,
                           static_cast<size_t>(pool.threads()));
  CHECK(scratch.Bytes() >= plan.ScratchFloats() * sizeof(float))
      << "attention scratch of " << scratch.Bytes() << " bytes, " << plan.tiles().size() << " tiles";
  if (plan.SplitsSpans()) {
    AttendBySpans(pool, plan, kv, scratch.data());
  } else {
    AttendWholeTiles(pool, plan, kv, scratch.data());
  }
}

}  // namespace puna
#endif  // HWY_ONCE
