#include "tokenizer/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "engine/base/check.h"

namespace puna {
namespace {

// Multiply and fold, eight bytes at a time. The vocabulary is fixed before any text is seen, so text cannot
// make it collide more than the vocabulary itself does.
uint64_t Hash(std::string_view bytes) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
  uint64_t hash = bytes.size() * kMultiplier;
  while (!bytes.empty()) {
    uint64_t word = 0;
    const size_t taken = std::min<size_t>(8, bytes.size());
    std::memcpy(&word, bytes.data(), taken);
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
    bytes.remove_prefix(taken);
  }
  return hash;
}

}  // namespace

Vocabulary::Vocabulary(std::string bytes, std::vector<uint32_t> ends)
    : bytes_(std::move(bytes)),
      ends_(std::move(ends)),
      slots_(std::bit_ceil(2 * ends_.size() + 2), Slot{0, -1}) {
  for (TokenId id = 0; id < size(); ++id) {
    const std::string_view token = Bytes(id);
    CHECK(!token.empty()) << "token " << id;
    longest_ = std::max(longest_, token.size());
    const uint64_t hash = Hash(token);
    size_t place = hash & (slots_.size() - 1);
    while (slots_[place].id >= 0) place = (place + 1) & (slots_.size() - 1);
    slots_[place] = {static_cast<uint32_t>(hash >> 32), id};
  }
}

std::string_view Vocabulary::Bytes(TokenId id) const {
  const auto i = static_cast<size_t>(id);
  const size_t begin = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(bytes_).substr(begin, ends_[i] - begin);
}

TokenId Vocabulary::Find(std::string_view bytes) const {
  if (bytes.size() > longest_) return -1;
  const uint64_t hash = Hash(bytes);
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (size_t place = hash & (slots_.size() - 1);; place = (place + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[place];
    if (slot.id < 0) return -1;
    if (slot.hash == tag && Bytes(slot.id) == bytes) return slot.id;
  }
}

}  // namespace puna
