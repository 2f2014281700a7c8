#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/sentencepiece_file.h"
#include "tokenizer/vocabulary.h"

namespace puna {

// What text can become: the normal and the user-defined pieces, and the bytes. Immutable once made.
class SentencePieceVocabulary {
 public:
  explicit SentencePieceVocabulary(const SentencePieceFile& file);

  struct Match {
    TokenId token = -1;  // -1: no piece
    uint32_t order = 0;  // the lower, the earlier; equal for equal scores
  };
  Match Find(std::string_view text) const;
  TokenId Byte(uint8_t byte) const { return bytes_[byte]; }
  // Bytes of the longest user-defined piece with which `text` begins; 0: none.
  size_t UserDefinedPrefix(std::string_view text) const;
  // No piece has a space after something else, so no merge reaches from one word to the next.
  bool words_are_separate() const { return words_are_separate_; }

 private:
  Vocabulary texts_;                    // of the pieces that text can become
  std::vector<Match> matches_;          // by their number in texts_
  std::vector<uint32_t> user_defined_;  // likewise: 1 where it is one; empty if none is
  size_t longest_user_defined_ = 0;     // bytes
  std::array<TokenId, 256> bytes_;
  bool words_are_separate_ = true;
};

// Byte-pair merging as sentencepiece does it: from characters (and user-defined pieces, which stay whole),
// the neighbours whose joint text is the piece with the highest score are merged, the leftmost of equals
// first, until no pair is a piece; what is no piece then is written byte by byte. O(n log n) for any text.
//
// Keeps its working memory from word to word; one thread at a time.
class SentencePieceMerger {
 public:
  explicit SentencePieceMerger(const SentencePieceVocabulary& vocabulary) : vocabulary_(vocabulary) {}

  // Appends the tokens of `text`, in which spaces are written as kPieceSpace.
  void Encode(std::string_view text, std::vector<TokenId>& out);

 private:
  // Bytes [begin, end) of the word; end == begin once it has been merged into its left neighbour.
  struct Part {
    uint32_t begin;
    uint32_t end;
    uint32_t previous;  // >= number of parts: none
    uint32_t next;      // likewise
    bool frozen;
  };
  // "Merge part `left` with its neighbour into [.., end)." Stale once either has changed.
  struct Candidate {
    uint32_t order;
    uint32_t left;
    uint32_t end;
  };

  void EncodeWord(std::string_view word, std::vector<TokenId>& out);
  void Split(std::string_view word);
  void Consider(std::string_view word, uint32_t left);
  void Write(std::string_view piece, std::vector<TokenId>& out) const;

  const SentencePieceVocabulary& vocabulary_;
  std::vector<Part> parts_;
  std::vector<Candidate> heap_;
};

}  // namespace puna
