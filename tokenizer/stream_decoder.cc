#include "tokenizer/stream_decoder.h"

#include <cstdint>

namespace puna {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// How many bytes a character with this first byte has, and what its second byte may be (Unicode 15, table
// 3-7); later bytes are 80..BF. Length 0: no character begins with it.
struct Shape {
  size_t length;
  uint8_t second_low;
  uint8_t second_high;
};

Shape ShapeOf(uint8_t first) {
  if (first < 0x80) return {1, 0, 0};
  if (first >= 0xC2 && first <= 0xDF) return {2, 0x80, 0xBF};
  if (first == 0xE0) return {3, 0xA0, 0xBF};
  if (first == 0xED) return {3, 0x80, 0x9F};
  if (first >= 0xE1 && first <= 0xEF) return {3, 0x80, 0xBF};
  if (first == 0xF0) return {4, 0x90, 0xBF};
  if (first >= 0xF1 && first <= 0xF3) return {4, 0x80, 0xBF};
  if (first == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// The longest beginning of `text` that is a character or could still become one.
size_t ValidPrefix(std::string_view text, Shape shape) {
  size_t length = 1;
  while (length < shape.length && length < text.size()) {
    const auto byte = static_cast<uint8_t>(text[length]);
    const uint8_t low = length == 1 ? shape.second_low : 0x80;
    const uint8_t high = length == 1 ? shape.second_high : 0xBF;
    if (byte < low || byte > high) break;
    ++length;
  }
  return length;
}

}  // namespace

std::string StreamDecoder::Push(std::string_view bytes) {
  pending_ += bytes;
  std::string out;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const Shape shape = ShapeOf(static_cast<uint8_t>(rest[0]));
    const size_t valid = ValidPrefix(rest, shape);
    if (valid == shape.length) {
      out += rest.substr(0, valid);
    } else if (shape.length > 0 && valid == rest.size()) {
      break;  // the next token may complete it
    } else {
      out += kReplacement;
    }
    rest.remove_prefix(valid);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return out;
}

std::string StreamDecoder::Finish() {
  const bool unfinished = !pending_.empty();
  pending_.clear();
  return unfinished ? std::string(kReplacement) : std::string();
}

}  // namespace puna
