#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace puna {

// Text to token ids and back, for Llama's tokenizer.model. Immutable once made: any thread may call it.
class Tokenizer {
 public:
  // Llama 3's file: lines of base64 and rank. Throws Error with `where` and the line for anything malformed.
  static std::unique_ptr<Tokenizer> FromTiktoken(std::string_view bytes, std::string_view where);
  // Llama 1's, Llama 2's and Code Llama's: a sentencepiece model. Throws Error with `where` and the field.
  static std::unique_ptr<Tokenizer> FromSentencePiece(std::string_view bytes, std::string_view where);

  virtual ~Tokenizer() = default;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Ordinary text only: "<|eot_id|>" in `text` is nine ordinary characters and never the special token.
  // `text` should be UTF-8; bytes that are not are encoded as they are. Near-linear in text.size() for any
  // text.
  virtual std::vector<TokenId> Encode(std::string_view text) const = 0;

  // The bytes of one token; a special token's are its name. They need not be whole UTF-8 characters.
  // REQUIRES: 0 <= id < vocab_size().
  virtual std::string_view Bytes(TokenId id) const = 0;

  virtual int vocab_size() const = 0;
  virtual bool IsSpecial(TokenId id) const = 0;
  // By name, e.g. "<|eot_id|>".
  virtual std::optional<TokenId> Special(std::string_view name) const = 0;
  virtual TokenId bos() const = 0;
  // What ends an answer.
  virtual std::span<const TokenId> stop_tokens() const = 0;
  // Whether Encode puts a space in front of the text, which is not the text's own.
  virtual bool puts_space_in_front() const = 0;

  // What the token adds to a text: its bytes; nothing if it is special; without the space in front that
  // Encode has put there, if the text begins with this token.
  std::string_view Text(TokenId id, bool begins_text) const;

  // The text of all of them: what Encode was given, if these are its tokens.
  std::string Decode(std::span<const TokenId> ids) const;

 protected:
  Tokenizer() = default;
};

}  // namespace puna
