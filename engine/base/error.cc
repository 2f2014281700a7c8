#include "engine/base/error.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace puna {
namespace {

// Length of the well-formed UTF-8 character at text[at], or 0 (Unicode 15, table 3-7).
size_t CharacterLength(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const auto continuation = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const uint8_t lead = byte(at);
  const uint8_t second = byte(at + 1);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continuation(at + 1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!continuation(at + 1) || !continuation(at + 2)) return 0;
    const bool overlong = lead == 0xE0 && second < 0xA0;
    const bool surrogate = lead == 0xED && second > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!continuation(at + 1) || !continuation(at + 2) || !continuation(at + 3)) return 0;
    const bool overlong = lead == 0xF0 && second < 0x90;
    const bool too_large = lead == 0xF4 && second > 0x8F;
    return overlong || too_large ? 0 : 4;
  }
  return 0;
}

bool IsControl(std::string_view character) {
  const auto first = static_cast<uint8_t>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  // U+0080 to U+009F: terminals obey some of them.
  return character.size() == 2 && first == 0xC2 && static_cast<uint8_t>(character[1]) < 0xA0;
}

void AppendEscaped(std::string_view bytes, std::string& out) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    out += "\\x";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
}

}  // namespace

std::string Printable(std::string_view foreign, size_t max_bytes) {
  std::string out;
  size_t at = 0;
  while (at < foreign.size()) {
    const size_t length = CharacterLength(foreign, at);
    const std::string_view piece = foreign.substr(at, length == 0 ? 1 : length);
    std::string shown;
    if (length == 0 || IsControl(piece)) {
      AppendEscaped(piece, shown);
    } else {
      shown = piece;
    }
    if (out.size() + shown.size() > max_bytes) return out + "...";
    out += shown;
    at += piece.size();
  }
  return out;
}

}  // namespace puna
