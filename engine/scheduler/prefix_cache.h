#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/scheduler/block_pool.h"

namespace puna {

// KV blocks found again by the tokens of all positions up to and including theirs. An index only: sequences
// own blocks through the pool, and a block that nobody owns stays until its room is needed (LRU). Full blocks
// are shared; a sequence's last one, which is not full, is kept when the sequence leaves, and serves as a
// beginning to be copied.
//
// A link is a block's place in a prefix: "this block after that prefix". Links are never used twice, so a
// link and the tokens of one more block, compared exactly, identify a whole prefix; the hash only finds
// candidates.
//
// Whoever owns a block also owns the blocks before it, and drops them last block first. So the least recently
// used cached block is never one that another cached block continues, and eviction leaves no unreachable
// block behind.
class PrefixCache {
 public:
  using Link = uint64_t;
  static constexpr Link kRoot = 0;  // the empty prefix

  struct Hit {
    int32_t block;
    Link link;
  };

  struct Beginning {
    int32_t block;
    int positions;  // at least 1
  };

  // The pool outlives the cache.
  explicit PrefixCache(BlockPool& pool);

  // The block that holds `tokens` after the prefix `before`, if there is one. Takes no reference.
  std::optional<Hit> Find(Link before, std::span<const int32_t> tokens) const;

  // The block after the prefix `before` whose first tokens agree with the most of `tokens`, if any do. Takes
  // no reference.
  std::optional<Beginning> FindBeginning(Link before, std::span<const int32_t> tokens) const;

  // Keeps `block`, which holds `tokens` after `before`. REQUIRES: the block is owned, and Find finds nothing.
  Link Insert(Link before, std::span<const int32_t> tokens, int32_t block);

  // One more, or one less, reference to a block of the pool, kept or not.
  void Share(int32_t block);
  void Drop(int32_t block);

  // Forgets the cached block that was dropped longest ago, which makes it free. False if none is cached.
  bool EvictOne();

  // Forgets everything. Owned blocks stay owned.
  void Clear();

 private:
  struct Entry {
    Link link = 0;
    Link before = 0;
    uint64_t hash = 0;
    std::vector<int32_t> tokens;
    std::list<int32_t>::iterator idle;  // in idle_; valid while nobody owns the block
  };

  using Index = std::unordered_multimap<uint64_t, int32_t>;  // hash to block

  void Forget(int32_t block);
  static void Erase(Index& index, uint64_t hash, int32_t block);

  BlockPool& pool_;
  std::vector<Entry> entries_;  // by block; in use while the pool keeps the block
  Index by_tokens_;             // by all tokens
  Index by_first_token_;
  std::list<int32_t> idle_;  // cached blocks, longest ago dropped first
  Link next_link_ = kRoot + 1;
};

// A hash of `tokens` after a prefix that hashed to `before`.
uint64_t HashTokens(uint64_t before, std::span<const int32_t> tokens);

}  // namespace puna
