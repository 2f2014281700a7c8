#include "engine/scheduler/prefix_cache.h"

#include "engine/base/check.h"

namespace puna {

size_t PrefixCache::KeyHash::operator()(const Key& key) const {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio
  auto hash = static_cast<uint64_t>(key.prefix) * kMultiplier;
  for (const int32_t token : key.tokens) {
    hash = (hash ^ static_cast<uint32_t>(token)) * kMultiplier;
    hash ^= hash >> 29;
  }
  return hash;
}

std::optional<PrefixCache::Hit> PrefixCache::Find(Prefix prefix, std::span<const int32_t> tokens) const {
  const auto found = by_content_.find(Key{prefix, {tokens.begin(), tokens.end()}});
  if (found == by_content_.end()) return {};
  return found->second;
}

PrefixCache::Hit PrefixCache::Insert(Prefix prefix, std::span<const int32_t> tokens, int32_t block) {
  CHECK(!Holds(block)) << "block " << block;
  const auto [at, is_new] =
      by_content_.try_emplace(Key{prefix, {tokens.begin(), tokens.end()}}, Hit{block, next_prefix_});
  if (is_new) {
    ++next_prefix_;
    by_block_.emplace(block, &at->first);
  }
  return at->second;
}

void PrefixCache::Forget(int32_t block) {
  const auto at = by_block_.find(block);
  CHECK(at != by_block_.end()) << "block " << block;
  by_content_.erase(by_content_.find(*at->second));
  by_block_.erase(at);
}

}  // namespace puna
