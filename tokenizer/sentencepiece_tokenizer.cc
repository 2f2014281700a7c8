#include <array>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "tokenizer/sentencepiece_bpe.h"
#include "tokenizer/sentencepiece_file.h"
#include "tokenizer/tokenizer.h"

namespace puna {
namespace {

using Kind = SentencePiece::Kind;

// The text with spaces as pieces have them.
std::string AsPieces(std::string_view text, bool space_in_front) {
  std::string out;
  out.reserve(text.size() + text.size() / 2 + kPieceSpace.size());
  if (space_in_front) out += kPieceSpace;
  for (const char c : text) {
    if (c == ' ') {
      out += kPieceSpace;
    } else {
      out += c;
    }
  }
  return out;
}

// What a piece stands for in text.
std::string BytesOf(const SentencePiece& piece) {
  if (piece.kind == Kind::kControl || piece.kind == Kind::kUnknown) return piece.text;
  std::string out;
  for (size_t at = 0; at < piece.text.size();) {
    const bool space = std::string_view(piece.text).substr(at).starts_with(kPieceSpace);
    out += space ? ' ' : piece.text[at];
    at += space ? kPieceSpace.size() : 1;
  }
  return out;
}

class SentencePieceTokenizer final : public Tokenizer {
 public:
  explicit SentencePieceTokenizer(SentencePieceFile file)
      : vocabulary_(file), bos_(file.bos), stop_tokens_{file.eos}, space_in_front_(file.space_in_front) {
    for (SentencePiece& piece : file.pieces) {
      special_.push_back(piece.kind == Kind::kControl || piece.kind == Kind::kUnknown);
      bytes_.push_back(BytesOf(piece));
    }
    for (size_t byte = 0; byte < file.bytes.size(); ++byte) {
      bytes_[static_cast<size_t>(file.bytes[byte])] = static_cast<char>(byte);
    }
  }

  std::vector<TokenId> Encode(std::string_view text) const override {
    std::vector<TokenId> ids;
    if (text.empty()) return ids;
    ids.reserve(text.size() / 3);
    SentencePieceMerger(vocabulary_).Encode(AsPieces(text, space_in_front_), ids);
    return ids;
  }

  std::string_view Bytes(TokenId id) const override { return bytes_[Index(id)]; }
  int vocab_size() const override { return static_cast<int>(bytes_.size()); }
  bool IsSpecial(TokenId id) const override { return special_[Index(id)]; }

  std::optional<TokenId> Special(std::string_view name) const override {
    for (size_t i = 0; i < bytes_.size(); ++i) {
      if (special_[i] && bytes_[i] == name) return static_cast<TokenId>(i);
    }
    return {};
  }

  TokenId bos() const override { return bos_; }
  std::span<const TokenId> stop_tokens() const override { return stop_tokens_; }
  bool puts_space_in_front() const override { return space_in_front_; }

 private:
  size_t Index(TokenId id) const {
    CHECK(id >= 0 && id < vocab_size()) << "token " << id << " of " << vocab_size();
    return static_cast<size_t>(id);
  }

  const SentencePieceVocabulary vocabulary_;
  const TokenId bos_;
  const std::array<TokenId, 1> stop_tokens_;
  const bool space_in_front_;
  std::vector<bool> special_;       // by id
  std::vector<std::string> bytes_;  // likewise
};

}  // namespace

std::unique_ptr<Tokenizer> Tokenizer::FromSentencePiece(std::string_view bytes, std::string_view where) {
  return std::make_unique<SentencePieceTokenizer>(ParseSentencePiece(bytes, where));
}

}  // namespace puna
