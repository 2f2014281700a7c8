#pragma once

#include <cstddef>

#include "engine/base/aligned_buffer.h"
#include "engine/model/config.h"
#include "engine/ops/attention.h"

namespace puna {

// The keys and values of all sequences: one pool of blocks of kKvBlockTokens positions, every block holding
// all layers.
//
// Elements are f32. Activations are f32, so this stores them as they are: attention reads what was computed,
// and the log-probabilities stay within 1e-3 of f32 PyTorch. The price is memory, 2 * n_layers * n_kv_heads *
// head_dim * 4 bytes per position: 64 KiB for Llama 3.2 1B, 224 KiB for 3.2 3B, 256 KiB for 3.1 8B, 640 KiB
// for 3.1 70B, twice what f16 would take, and twice the bytes to read at depth (8B at 8,192 positions: 2 GiB
// beside 16 GB of weights).
//
// Pages are backed by memory once touched: a pool that is never full costs what was used. Not thread-safe;
// different threads may write different positions.
class KvCache {
 public:
  KvCache(const ModelConfig& config, int num_blocks);

  static size_t BlockBytes(const ModelConfig& config);

  int num_blocks() const { return num_blocks_; }
  size_t Bytes() const { return buffer_.size(); }
  KvLayerView Layer(int layer) const;
  // REQUIRES: 0 <= from, to < num_blocks().
  void CopyBlock(int from, int to);

 private:
  int num_blocks_;
  size_t layer_floats_;  // one layer's keys, or values, of one block
  size_t block_floats_;
  AlignedBuffer buffer_;  // [num_blocks, n_layers, keys and values, layer_floats_]
};

}  // namespace puna
