#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace puna {

// Finds KV blocks by what they hold: a full block of tokens after a given prefix. Prefixes are named by
// numbers that are never used again: 0 is the empty one, and each stored block names the prefix that ends
// with it. Tokens are compared one by one; a hash only chooses where to look. Owns no blocks. Not
// thread-safe.
class PrefixCache {
 public:
  using Prefix = int64_t;
  static constexpr Prefix kEmpty = 0;

  struct Hit {
    int32_t block;
    Prefix prefix;  // the prefix that ends with this block
  };

  // The block that holds `tokens` after `prefix`, if one does.
  std::optional<Hit> Find(Prefix prefix, std::span<const int32_t> tokens) const;

  // Records that `block` holds `tokens` after `prefix`. Where another block already does, that one stays the
  // one that is found; the result names it. REQUIRES: `block` is not recorded.
  Hit Insert(Prefix prefix, std::span<const int32_t> tokens, int32_t block);

  bool Holds(int32_t block) const { return by_block_.contains(block); }
  // The block is given to other content. Longer prefixes through it can then no longer be found.
  // REQUIRES: Holds(block).
  void Forget(int32_t block);

 private:
  struct Key {
    Prefix prefix;
    std::vector<int32_t> tokens;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  using Map = std::unordered_map<Key, Hit, KeyHash>;

  Map by_content_;
  std::unordered_map<int32_t, const Key*> by_block_;  // keys stay in place when the map grows
  Prefix next_prefix_ = kEmpty + 1;
};

}  // namespace puna
