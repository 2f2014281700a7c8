#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace puna {

// One character of text that should be UTF-8 but need not be.
struct Character {
  int32_t code_point;  // -1: an ill-formed byte, which stands for itself
  size_t length;       // bytes, 1 to 4; 1 for an ill-formed byte
};

// REQUIRES: at < text.size().
Character CharacterAt(std::string_view text, size_t at);

// The classes that the pre-tokenizer's pattern names. An ill-formed byte is in none of them.
bool IsLetter(int32_t code_point);      // \p{L}
bool IsNumber(int32_t code_point);      // \p{N}
bool IsWhiteSpace(int32_t code_point);  // \s: Unicode's White_Space property

}  // namespace puna
