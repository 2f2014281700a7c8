#include "tokenizer/tokenizer.h"

namespace puna {

std::string_view Tokenizer::Text(TokenId id, bool begins_text) const {
  if (IsSpecial(id)) return {};
  std::string_view bytes = Bytes(id);
  if (begins_text && puts_space_in_front() && bytes.starts_with(' ')) bytes.remove_prefix(1);
  return bytes;
}

std::string Tokenizer::Decode(std::span<const TokenId> ids) const {
  std::string text;
  bool begins_text = true;
  for (const TokenId id : ids) {
    text += Text(id, begins_text);
    begins_text = begins_text && IsSpecial(id);
  }
  return text;
}

}  // namespace puna
