#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "engine/ops/attention.h"

// How Attention cuts its work. Nothing here changes a bit of the result.
namespace puna {

inline constexpr size_t kMaxTileQueries = 16;

// Some rows of one sequence with query heads that share a KV head. A (row, head) pair is a query; query i is
// head i % heads of row i / heads.
struct AttentionTile {
  const AttentionSequence* sequence;
  size_t kv_head;
  size_t heads;
  size_t queries;         // at most kMaxTileQueries
  size_t first_position;  // of the tile's first row
  size_t head_dim;
  float scale;     // 1 / sqrt(head_dim)
  const float* q;  // query 0
  ptrdiff_t q_stride;
  float* out;
  ptrdiff_t out_stride;

  const float* Query(size_t i) const { return q + Offset(i, q_stride); }
  float* Out(size_t i) const { return out + Offset(i, out_stride); }
  size_t Positions(size_t i) const { return first_position + i / heads + 1; }  // query i sees [0, this)
  size_t SpansOf(size_t i) const { return (Positions(i) + kAttentionSpan - 1) / kAttentionSpan; }
  size_t Spans() const { return SpansOf(queries - 1); }
  // Of the KV head's part of the block that holds `position`, from kv.keys or kv.values.
  ptrdiff_t BlockOffset(const KvLayerView& kv, size_t position) const {
    const ptrdiff_t block = sequence->block_table[position / kKvBlockTokens];
    return block * kv.block_stride + static_cast<ptrdiff_t>(kv_head * head_dim * kKvBlockTokens);
  }

 private:
  ptrdiff_t Offset(size_t i, ptrdiff_t stride) const {
    return static_cast<ptrdiff_t>(i / heads) * stride + static_cast<ptrdiff_t>(i % heads * head_dim);
  }
};

// What a query knows after one span, or after several that were merged.
struct SpanResult {
  float max;      // of the scores
  float sum;      // of exp(score - max)
  float* values;  // [head_dim] sum of exp(score - max) * value
};

class AttentionPlan {
 public:
  AttentionPlan(const AttentionShape& shape, std::span<const AttentionSequence> sequences, const float* q,
                ptrdiff_t q_stride, float* out, ptrdiff_t out_stride, size_t threads);

  std::span<const AttentionTile> tiles() const { return tiles_; }
  size_t max_spans() const { return max_spans_; }

  // Too few tiles to keep all threads busy: their spans are dealt out instead.
  bool SplitsSpans() const { return max_spans_ > 1 && tiles_.size() < kTilesPerThread * threads_; }

  // Where a split tile's span leaves the result of a query: max, sum, values.
  size_t ResultOffset(size_t tile, size_t span, size_t query) const {
    return ((tile * max_spans_ + span) * kMaxTileQueries + query) * ResultFloats(shape_);
  }
  // Where a thread that has a whole tile keeps its two sets of values.
  size_t ThreadOffset(size_t thread) const { return thread * ThreadFloats(shape_); }

  size_t ScratchFloats() const;  // of this plan
  static size_t MaxScratchFloats(const AttentionShape& shape, size_t max_rows, size_t max_positions,
                                 size_t max_threads);

 private:
  static constexpr size_t kTilesPerThread = 2;

  static size_t ResultFloats(const AttentionShape& shape) { return static_cast<size_t>(shape.head_dim) + 2; }
  static size_t ThreadFloats(const AttentionShape& shape) {
    return 2 * kMaxTileQueries * static_cast<size_t>(shape.head_dim);
  }

  AttentionShape shape_;
  size_t threads_;
  size_t max_spans_ = 0;
  std::vector<AttentionTile> tiles_;
};

}  // namespace puna
