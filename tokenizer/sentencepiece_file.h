#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace puna {

// The space that pieces are written with: U+2581, "lower one eighth block".
inline constexpr std::string_view kPieceSpace = "\xE2\x96\x81";

struct SentencePiece {
  enum class Kind : uint8_t {
    kNormal = 1,
    kUnknown = 2,
    kControl = 3,      // <s>, </s>: never made from text
    kUserDefined = 4,  // found in text before anything is merged
    kByte = 6,         // <0x41>: a byte of a character that is no piece
  };
  std::string text;  // as stored
  float score = 0;   // the higher, the earlier a pair merges into it
  Kind kind = Kind::kNormal;
};

// A sentencepiece model of the kind Llama 1, Llama 2 and Code Llama use: BPE with byte fallback, text taken
// as it is.
struct SentencePieceFile {
  std::vector<SentencePiece> pieces;  // the id is the position
  std::array<TokenId, 256> bytes{};   // the token of each byte
  TokenId bos = -1;                   // <s>
  TokenId eos = -1;                   // </s>
  bool space_in_front = true;         // text is encoded with a space put in front of it
};

// Reads tokenizer.model, a protobuf message ModelProto. A pure function of the bytes. `where` names the file
// in messages. Throws Error, naming field, piece or offset: for bytes that are no such message; for another
// kind of model (unigram, no byte fallback, a normalizer that changes text); for pieces that are empty,
// longer than 1024 bytes, repeated, or of a score that is no number; and unless there are <s>, </s> and all
// 256 bytes.
SentencePieceFile ParseSentencePiece(std::string_view bytes, std::string_view where);

}  // namespace puna
