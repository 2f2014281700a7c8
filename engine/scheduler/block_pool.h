#pragma once

#include <cstdint>
#include <list>
#include <vector>

namespace puna {

// Which KV blocks are whose. A block is free (its content means nothing), owned by one or more sequences, or
// cached: owned by nobody but kept, because a later prompt may begin with the tokens it holds. Cached blocks
// are taken back least recently used first. Pure bookkeeping: it never sees the memory. Not thread-safe.
//
// Invariant: free() + owned() + cached() == total().
class BlockPool {
 public:
  explicit BlockPool(int num_blocks);

  int total() const { return static_cast<int>(blocks_.size()); }
  int free() const { return static_cast<int>(free_.size()); }
  int cached() const { return static_cast<int>(cached_.size()); }
  int owned() const { return owned_; }
  int available() const { return free() + cached(); }  // what Take can give

  struct Taken {
    int32_t block;
    bool was_cached;  // the cache must forget what it held
  };
  // A block for one owner, free ones first. REQUIRES: available() > 0.
  Taken Take();
  // One more owner of an owned or cached block.
  void Share(int32_t block);
  // One owner less. Without owners it is kept as cached if `keep`, else free.
  void Release(int32_t block, bool keep);

 private:
  struct Block {
    int owners = 0;
    bool is_cached = false;
    std::list<int32_t>::iterator place;  // in cached_, if is_cached
  };

  std::vector<Block> blocks_;
  std::vector<int32_t> free_;
  std::list<int32_t> cached_;  // least recently used first
  int owned_ = 0;
};

}  // namespace puna
