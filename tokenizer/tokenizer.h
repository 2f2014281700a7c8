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

// Text to token ids and back, for Llama 3's tiktoken-format tokenizer.model. Immutable once made: any thread
// may call it.
class Tokenizer {
 public:
  // Reads the bytes of a tokenizer.model. Throws Error with `where` and the line for anything malformed.
  static std::unique_ptr<Tokenizer> FromTiktoken(std::string_view bytes, std::string_view where);

  ~Tokenizer();

  // Ordinary text only: "<|eot_id|>" in `text` is nine ordinary characters and never the special token.
  // `text` should be UTF-8; bytes that are not are encoded as they are. Near-linear in text.size() for any
  // text.
  std::vector<TokenId> Encode(std::string_view text) const;

  // The bytes of one token; a special token's are its name. They need not be whole UTF-8 characters.
  // REQUIRES: 0 <= id < vocab_size().
  std::string_view Bytes(TokenId id) const;

  // The bytes of all of them, special tokens left out.
  std::string Decode(std::span<const TokenId> ids) const;

  int vocab_size() const;  // base tokens + 256
  int base_vocab() const;  // ids below it are ordinary tokens
  bool IsSpecial(TokenId id) const { return id >= base_vocab(); }
  // By name, e.g. "<|eot_id|>".
  std::optional<TokenId> Special(std::string_view name) const;

  TokenId bos() const;  // <|begin_of_text|>
  // What ends an answer: <|end_of_text|>, <|eom_id|>, <|eot_id|>.
  std::span<const TokenId> stop_tokens() const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace puna
