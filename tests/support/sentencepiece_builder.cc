#include "tests/support/sentencepiece_builder.h"

#include <array>
#include <bit>
#include <cstdio>

namespace puna::test {
namespace {

std::string Varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(0x80 | (value & 0x7F));
  return out + static_cast<char>(value);
}

std::string Key(uint32_t number, uint64_t wire_type) { return Varint(uint64_t{number} << 3 | wire_type); }

}  // namespace

std::string ProtobufNumber(uint32_t number, uint64_t value) { return Key(number, 0) + Varint(value); }

std::string ProtobufFloat(uint32_t number, float value) {
  std::string out = Key(number, 5);
  const auto bits = std::bit_cast<uint32_t>(value);
  for (unsigned shift = 0; shift < 32; shift += 8) out += static_cast<char>(bits >> shift & 0xFF);
  return out;
}

std::string ProtobufText(uint32_t number, std::string_view text) {
  return Key(number, 2) + Varint(text.size()) + std::string(text);
}

SentencePieceBuilder::SentencePieceBuilder() {
  Piece("<unk>", 0, 2).Piece("<s>", 0, 3).Piece("</s>", 0, 3);
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "<0x%02X>", byte);
    Piece(text.data(), 0, 6);
  }
}

SentencePieceBuilder& SentencePieceBuilder::Piece(std::string_view text, float score, uint64_t type) {
  pieces_ += ProtobufText(1, ProtobufText(1, text) + ProtobufFloat(2, score) + ProtobufNumber(3, type));
  return *this;
}

SentencePieceBuilder& SentencePieceBuilder::Pieces(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) Piece(text, next_score_--);
  return *this;
}

SentencePieceBuilder& SentencePieceBuilder::NoPieces() {
  pieces_.clear();
  return *this;
}

std::string SentencePieceBuilder::Build() const {
  const std::string trainer =
      ProtobufNumber(3, model_type) + ProtobufNumber(24, space_after) + ProtobufNumber(35, byte_fallback);
  const std::string normalizer = ProtobufText(1, "identity") + ProtobufText(2, charsmap) +
                                 ProtobufNumber(3, space_in_front) + ProtobufNumber(4, removes_spaces) +
                                 ProtobufNumber(5, escapes_spaces);
  return pieces_ + ProtobufText(2, trainer) + ProtobufText(3, normalizer);
}

}  // namespace puna::test
