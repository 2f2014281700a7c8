#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/base/aligned_buffer.h"

namespace puna {

class ThreadPool;

// Positions in one KV block. Attention sums over spans of kAttentionSpan positions (see reference.h), a whole
// number of blocks, so the block size is not part of the definition, the span is.
inline constexpr int kKvBlockTokens = 32;
inline constexpr int kAttentionSpan = 256;

struct AttentionShape {
  int n_heads;     // query heads
  int n_kv_heads;  // divides n_heads; query head h reads KV head h / (n_heads / n_kv_heads)
  int head_dim;
};

// One layer's keys and values in a paged pool. Block b of a sequence lies at
//   keys   + block_table[b] * block_stride : [n_kv_heads, head_dim, kKvBlockTokens]   (transposed: lanes run
//   over positions) values + block_table[b] * block_stride : [n_kv_heads, kKvBlockTokens, head_dim]
// Slots of positions not written yet may hold anything, but finite or not they never reach a result.
struct KvLayerView {
  float* keys;
  float* values;
  ptrdiff_t block_stride;  // floats
};

// Consecutive rows of one sequence: row first_row + i is position first_position + i and sees positions 0 ..
// its own.
struct AttentionSequence {
  int first_row;
  int n_rows;
  int first_position;
  std::span<const int32_t> block_table;  // covers first_position + n_rows positions
};

class AttentionScratch {
 public:
  // Room for steps of up to `max_rows` rows at positions below `max_positions` on `max_threads` threads.
  void Reserve(const AttentionShape& shape, size_t max_rows, size_t max_positions, size_t max_threads);
  size_t Bytes() const { return buffer_.size(); }
  float* data() { return reinterpret_cast<float*>(buffer_.data()); }

 private:
  AlignedBuffer buffer_;
};

// Stores this step's keys and values (rows of k and v, [rows, n_kv_heads * head_dim], strides in floats) in
// their blocks.
void StoreKv(const AttentionShape& shape, std::span<const AttentionSequence> sequences, const float* k,
             ptrdiff_t k_stride, const float* v, ptrdiff_t v_stride, const KvLayerView& kv);

// out[r] = softmax(q[r] . K / sqrt(head_dim)) V per head, causal, as reference::Attention defines it.
// q and out: [rows, n_heads * head_dim]; strides in floats. The rows' own keys and values are already stored.
void Attention(ThreadPool& pool, const AttentionShape& shape, std::span<const AttentionSequence> sequences,
               const float* q, ptrdiff_t q_stride, const KvLayerView& kv, float* out, ptrdiff_t out_stride,
               AttentionScratch& scratch);

}  // namespace puna
