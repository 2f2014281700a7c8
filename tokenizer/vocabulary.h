#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace puna {

using TokenId = int32_t;

// The ordinary tokens: id to bytes, and bytes to id. The id is the rank: the lower, the earlier a pair merges
// into it. Immutable once made.
class Vocabulary {
 public:
  // `bytes` holds the tokens one after the other; token i ends at ends[i]. REQUIRES: no two are equal, none
  // is empty.
  Vocabulary(std::string bytes, std::vector<uint32_t> ends);

  int size() const { return static_cast<int>(ends_.size()); }
  size_t longest() const { return longest_; }  // bytes
  std::string_view Bytes(TokenId id) const;
  // The token with these bytes, or -1.
  TokenId Find(std::string_view bytes) const;

 private:
  struct Slot {
    uint32_t hash;  // the upper half of the bytes' hash; the lower half chooses the place
    TokenId id;     // -1: free
  };

  std::string bytes_;
  std::vector<uint32_t> ends_;
  std::vector<Slot> slots_;  // open addressing, a power of two of them, at most half full
  size_t longest_ = 0;
};

}  // namespace puna
