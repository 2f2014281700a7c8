#include "engine/model/kv_cache.h"

#include <cstring>

#include "engine/base/check.h"

namespace puna {
namespace {

size_t LayerFloats(const ModelConfig& config) {
  return static_cast<size_t>(config.n_kv_heads) * static_cast<size_t>(config.head_dim) * kKvBlockTokens;
}

}  // namespace

size_t KvCache::BlockBytes(const ModelConfig& config) {
  return 2 * static_cast<size_t>(config.n_layers) * LayerFloats(config) * sizeof(float);
}

KvCache::KvCache(const ModelConfig& config, int num_blocks)
    : num_blocks_(num_blocks),
      layer_floats_(LayerFloats(config)),
      block_floats_(2 * static_cast<size_t>(config.n_layers) * layer_floats_),
      buffer_(static_cast<size_t>(num_blocks) * BlockBytes(config), "the KV cache") {}

void KvCache::CopyBlock(int from, int to) {
  CHECK(from >= 0 && from < num_blocks_ && to >= 0 && to < num_blocks_) << from << " to " << to;
  const size_t bytes = block_floats_ * sizeof(float);
  if (from != to)
    std::memcpy(buffer_.data() + static_cast<size_t>(to) * bytes,
                buffer_.data() + static_cast<size_t>(from) * bytes, bytes);
}

KvLayerView KvCache::Layer(int layer) const {
  // The view writes; constness of the cache is about which blocks there are, not what they hold.
  auto* floats = reinterpret_cast<float*>(const_cast<std::byte*>(buffer_.data()));
  float* keys = floats + 2 * static_cast<size_t>(layer) * layer_floats_;
  CHECK(keys + 2 * layer_floats_ <= floats + block_floats_) << "layer " << layer;
  return {keys, keys + layer_floats_, static_cast<ptrdiff_t>(block_floats_)};
}

}  // namespace puna
