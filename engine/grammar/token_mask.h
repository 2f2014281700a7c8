#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace puna {

// One bit per token: bit i % 64 of word i / 64.
using TokenMask = std::vector<uint64_t>;

inline bool IsAllowed(const TokenMask& mask, int32_t token) {
  return (mask[static_cast<size_t>(token) / 64] >> (static_cast<size_t>(token) % 64) & 1) != 0;
}

inline void Allow(TokenMask& mask, int32_t token) {
  mask[static_cast<size_t>(token) / 64] |= uint64_t{1} << (static_cast<size_t>(token) % 64);
}

}  // namespace puna
