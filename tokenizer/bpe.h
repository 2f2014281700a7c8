#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace puna {

// Byte-pair merging of one piece, exactly as tiktoken does it: a piece that is a token is that token;
// otherwise, from single bytes, the neighbours whose joint bytes have the lowest rank are merged, the
// leftmost of equals first, until no pair is a token. Neighbours are linked and candidate merges wait in a
// heap, so n bytes take O(n log n) whatever they are.
//
// Keeps its working memory from piece to piece; one thread at a time.
class BytePairMerger {
 public:
  explicit BytePairMerger(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  // Appends the piece's tokens. REQUIRES: piece is not empty.
  void Encode(std::string_view piece, std::vector<TokenId>& out);

  // Candidates taken from the heap so far: what the time is made of.
  int64_t steps() const { return steps_; }

 private:
  // A token so far: bytes [begin, begin of the next part).
  struct Part {
    uint32_t previous;
    uint32_t next;  // == number of parts: none
    uint32_t end;   // of its bytes; 0 once it has been merged into its left neighbour
    TokenId token;
  };
  // "Merge the part that begins at `left` with its neighbour, up to `end`." Stale once either has changed.
  struct Candidate {
    TokenId rank;
    uint32_t left;
    uint32_t end;
  };

  void Consider(std::string_view piece, uint32_t left);

  const Vocabulary& vocabulary_;
  std::vector<Part> parts_;
  std::vector<Candidate> heap_;
  int64_t steps_ = 0;
};

}  // namespace puna
