#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/base/check.h"

namespace puna {

// Little-endian numbers at any alignment.  REQUIRES: offset + sizeof(number) <= bytes.size(); the caller has
// compared.
template <typename UInt>
UInt ReadLittleEndian(std::span<const std::byte> bytes, size_t offset) {
  CHECK(offset <= bytes.size() && sizeof(UInt) <= bytes.size() - offset) << offset << " of " << bytes.size();
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(UInt); ++i) {
    value |= static_cast<uint64_t>(std::to_integer<uint8_t>(bytes[offset + i])) << (8 * i);
  }
  return static_cast<UInt>(value);
}

inline std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::span<const std::byte> AsBytes(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

}  // namespace puna
