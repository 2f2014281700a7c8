#include "tokenizer/protobuf_reader.h"

#include <fmt/format.h>

#include <bit>
#include <string>

#include "engine/base/check.h"
#include "engine/base/error.h"

namespace puna {

using Type = ProtobufReader::Field::Type;

float ProtobufReader::Field::AsFloat() const {
  CHECK(type == Type::kFixed32) << number;
  return std::bit_cast<float>(static_cast<uint32_t>(value));
}

void ProtobufReader::Fail(std::string_view what) const {
  throw Error(fmt::format("offset {}: {}", base_ + at_, what));
}

std::optional<ProtobufReader::Field> ProtobufReader::Next() {
  if (at_ == message_.size()) return std::nullopt;
  Field field;
  field.offset = base_ + at_;
  const uint64_t key = Varint();
  if (key >> 3 == 0 || key >> 3 >= 1u << 29) Fail(fmt::format("field number {} is not one", key >> 3));
  field.number = static_cast<uint32_t>(key >> 3);
  switch (key & 7) {
    case 0:
      field.type = Type::kVarint;
      field.value = Varint();
      return field;
    case 1:
      field.type = Type::kFixed64;
      field.value = Fixed(8);
      return field;
    case 2: {
      field.type = Type::kText;
      const uint64_t size = Varint();
      if (size > message_.size() - at_) {
        Fail(fmt::format("a field of {} bytes, {} are left", size, message_.size() - at_));
      }
      field.text = message_.substr(at_, size);
      at_ += size;
      return field;
    }
    case 5:
      field.type = Type::kFixed32;
      field.value = Fixed(4);
      return field;
    default:
      Fail(fmt::format("wire type {}, expected 0, 1, 2 or 5", key & 7));
  }
}

uint64_t ProtobufReader::Varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == message_.size()) Fail("a number is cut short");
    const auto byte = static_cast<uint8_t>(message_[at_++]);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  Fail("a number of more than 64 bits");
}

uint64_t ProtobufReader::Fixed(size_t bytes) {
  if (message_.size() - at_ < bytes) Fail("a number is cut short");
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>(message_[at_ + i])) << (8 * i);
  }
  at_ += bytes;
  return value;
}

}  // namespace puna
