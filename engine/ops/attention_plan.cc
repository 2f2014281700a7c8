#include "engine/ops/attention_plan.h"

#include <algorithm>

namespace puna {

AttentionPlan::AttentionPlan(const AttentionShape& shape, std::span<const AttentionSequence> sequences,
                             const float* q, ptrdiff_t q_stride, float* out, ptrdiff_t out_stride,
                             size_t threads)
    : shape_(shape), threads_(threads) {
  const auto heads_per_kv = static_cast<size_t>(shape.n_heads / shape.n_kv_heads);
  const auto head_dim = static_cast<size_t>(shape.head_dim);
  const size_t tile_heads = std::min(heads_per_kv, kMaxTileQueries);
  const size_t tile_rows = kMaxTileQueries / tile_heads;
  for (const AttentionSequence& sequence : sequences) {
    const auto n_rows = static_cast<size_t>(sequence.n_rows);
    for (size_t row = 0; row < n_rows; row += tile_rows) {
      for (size_t head = 0; head < static_cast<size_t>(shape.n_heads);) {
        const size_t kv_head = head / heads_per_kv;
        const size_t heads = std::min(tile_heads, (kv_head + 1) * heads_per_kv - head);
        const auto at_row = static_cast<ptrdiff_t>(static_cast<size_t>(sequence.first_row) + row);
        tiles_.push_back({.sequence = &sequence,
                          .kv_head = kv_head,
                          .heads = heads,
                          .queries = std::min(tile_rows, n_rows - row) * heads,
                          .first_position = static_cast<size_t>(sequence.first_position) + row,
                          .head_dim = head_dim,
                          .scale = 1.0f / std::sqrt(static_cast<float>(head_dim)),
                          .q = q + at_row * q_stride + head * head_dim,
                          .q_stride = q_stride,
                          .out = out + at_row * out_stride + head * head_dim,
                          .out_stride = out_stride});
        max_spans_ = std::max(max_spans_, tiles_.back().Spans());
        head += heads;
      }
    }
  }
}

size_t AttentionPlan::ScratchFloats() const {
  return SplitsSpans() ? ResultOffset(tiles_.size(), 0, 0) : threads_ * ThreadFloats(shape_);
}

size_t AttentionPlan::MaxScratchFloats(const AttentionShape& shape, size_t max_rows, size_t max_positions,
                                       size_t max_threads) {
  const size_t max_spans = (max_positions + kAttentionSpan - 1) / kAttentionSpan;
  const size_t max_tiles = max_rows * static_cast<size_t>(shape.n_heads);
  const size_t split_tiles = std::min(max_tiles, kTilesPerThread * max_threads - 1);
  return std::max(max_threads * ThreadFloats(shape),
                  split_tiles * max_spans * kMaxTileQueries * ResultFloats(shape));
}

}  // namespace puna
