#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/grammar/token_mask.h"

namespace puna {

// The tokens of a vocabulary by their bytes, as a tree in the order of a walk: tokens that begin alike are
// read once. Those of plain characters (plain_text.h) are also known by their number, as most of them are
// allowed or not by that alone. Immutable once made; any thread may read it.
class TokenTrie {
 public:
  struct Node {
    int32_t token;        // that ends here, or vocab_size()
    int32_t subtree_end;  // index of the first node that is not below this one
    uint16_t depth;       // bytes, from 1
    uint8_t byte;
  };

  struct Vocabulary {
    std::span<const std::string_view> bytes;  // by id; "" for what has none and no part in any text
    std::vector<int32_t> end_tokens;          // each ends an answer
    std::vector<int32_t> symbols;             // Grammar::Symbol(i) is this token; -1: there is none
  };

  // Longer ones are few, and not counted as plain.
  static constexpr size_t kMostPlain = 16;  // characters

  // Tokens of the same bytes are neighbours; what goes on from them is below the last one.
  explicit TokenTrie(const Vocabulary& vocabulary);

  std::span<const Node> nodes() const { return nodes_; }
  // The tree of those that are not plain.
  std::span<const Node> other_nodes() const { return other_nodes_; }
  // Allows the plain ones of at most so many characters.
  void AllowPlain(size_t characters, TokenMask& mask) const;

  size_t vocab_size() const { return begins_.size() - 1; }
  // Of an ordinary token; empty for all others.
  std::string_view Bytes(int32_t token) const;
  std::span<const int32_t> end_tokens() const { return end_tokens_; }
  std::span<const int32_t> symbols() const { return symbols_; }

 private:
  // A tree of these tokens, which are in the order of their bytes.
  std::vector<Node> Tree(std::span<const int32_t> tokens) const;

  std::string bytes_;
  std::vector<uint32_t> begins_;  // of each token's bytes, and one more
  std::vector<Node> nodes_;
  std::vector<Node> other_nodes_;
  std::array<std::vector<int32_t>, kMostPlain + 1> plain_;  // by number of characters
  TokenMask all_plain_;
  std::vector<int32_t> end_tokens_;
  std::vector<int32_t> symbols_;
};

}  // namespace puna
