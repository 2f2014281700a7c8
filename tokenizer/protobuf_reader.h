#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace puna {

// The fields of one protobuf message, one after the other (the wire format of
// protobuf.dev/programming-guides/ encoding). A pure function of the bytes; a message inside is a text to be
// read by another reader, so nothing recurses.
class ProtobufReader {
 public:
  struct Field {
    uint32_t number = 0;
    enum class Type : uint8_t { kVarint, kFixed64, kText, kFixed32 } type = Type::kVarint;
    uint64_t value = 0;     // of a number
    std::string_view text;  // of kText
    size_t offset = 0;      // of the field, from the start of the file

    float AsFloat() const;  // REQUIRES: type == kFixed32
  };

  // `base`: where `message` starts in the file, for messages.
  explicit ProtobufReader(std::string_view message, size_t base = 0) : message_(message), base_(base) {}

  // The next field; nothing at the end. Throws Error naming the offset for bytes that are no message.
  std::optional<Field> Next();

 private:
  [[noreturn]] void Fail(std::string_view what) const;
  uint64_t Varint();
  uint64_t Fixed(size_t bytes);

  const std::string_view message_;
  const size_t base_;
  size_t at_ = 0;
};

}  // namespace puna
