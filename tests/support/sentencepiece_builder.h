#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace puna::test {

// Writes a sentencepiece ModelProto field by field: one as Meta's unless told otherwise.
class SentencePieceBuilder {
 public:
  // <unk>, <s>, </s> and the 256 bytes.
  SentencePieceBuilder();

  // type: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. Returns itself.
  SentencePieceBuilder& Piece(std::string_view text, float score, uint64_t type = 1);
  // Normal pieces, each with a lower score than the one before it.
  SentencePieceBuilder& Pieces(const std::vector<std::string>& texts);
  SentencePieceBuilder& NoPieces();

  uint64_t model_type = 2;  // BPE
  bool byte_fallback = true;
  bool space_in_front = true;
  bool removes_spaces = false;
  bool escapes_spaces = true;
  bool space_after = false;
  std::string charsmap;

  std::string Build() const;

 private:
  std::string pieces_;
  float next_score_ = -1;
};

// The wire format's parts: field `number` as a number, a float, or a text.
std::string ProtobufNumber(uint32_t number, uint64_t value);
std::string ProtobufFloat(uint32_t number, float value);
std::string ProtobufText(uint32_t number, std::string_view text);

}  // namespace puna::test
