#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace puna {

// The KV blocks of the model's cache, by number. Knows who uses a block and whether its content is kept,
// never the content. Not thread-safe: only the engine thread touches it.
//
// A block is in one of three states:
//   owned   one or more sequences refer to it; sharing is by count
//   cached  nobody refers to it, but its content is kept for reuse (prefix_cache)
//   free    neither
// Invariant: num_free() + num_owned() + num_cached() == num_blocks().
class BlockPool {
 public:
  // REQUIRES: num_blocks >= 1.
  explicit BlockPool(int num_blocks);

  // A free block, now owned with one reference and not kept; nothing if none is free.
  std::optional<int32_t> Take();

  // One more reference to an owned or cached block.
  void Share(int32_t block);

  // One reference less. True if it was the last: the block is now cached if it is kept, else free.
  bool Drop(int32_t block);

  // From now on the content is worth keeping. REQUIRES: the block is owned and not kept.
  void Keep(int32_t block);

  // The content is not kept any more; a cached block becomes free. REQUIRES: the block is kept.
  void Forget(int32_t block);

  int references(int32_t block) const { return references_[Index(block)]; }
  bool kept(int32_t block) const { return kept_[Index(block)]; }

  int num_blocks() const { return static_cast<int>(references_.size()); }
  int num_free() const { return static_cast<int>(free_.size()); }
  int num_owned() const { return num_owned_; }
  int num_cached() const { return num_cached_; }

 private:
  size_t Index(int32_t block) const;

  std::vector<int> references_;
  std::vector<bool> kept_;
  std::vector<int32_t> free_;  // a stack: the block that was used last is used next
  int num_owned_ = 0;
  int num_cached_ = 0;
};

}  // namespace puna
