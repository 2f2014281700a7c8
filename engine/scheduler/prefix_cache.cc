#include "engine/scheduler/prefix_cache.h"

#include <algorithm>

#include "engine/base/check.h"

namespace puna {

uint64_t HashTokens(uint64_t before, std::span<const int32_t> tokens) {
  // SplitMix64's finalizer over each token (Steele, Lea, Flood 2014).
  uint64_t hash = before;
  for (const int32_t token : tokens) {
    hash += 0x9E3779B97F4A7C15u + static_cast<uint32_t>(token);
    hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9u;
    hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBu;
    hash ^= hash >> 31;
  }
  return hash;
}

PrefixCache::PrefixCache(BlockPool& pool) : pool_(pool), entries_(static_cast<size_t>(pool.num_blocks())) {}

std::optional<PrefixCache::Hit> PrefixCache::Find(Link before, std::span<const int32_t> tokens) const {
  const auto [first, last] = by_tokens_.equal_range(HashTokens(before, tokens));
  for (auto candidate = first; candidate != last; ++candidate) {
    const int32_t block = candidate->second;
    const Entry& entry = entries_[static_cast<size_t>(block)];
    if (entry.before == before && std::ranges::equal(entry.tokens, tokens)) return Hit{block, entry.link};
  }
  return std::nullopt;
}

std::optional<PrefixCache::Beginning> PrefixCache::FindBeginning(Link before,
                                                                 std::span<const int32_t> tokens) const {
  Beginning best{-1, 0};
  if (tokens.empty()) return std::nullopt;
  const auto [first, last] = by_first_token_.equal_range(HashTokens(before, tokens.first(1)));
  for (auto candidate = first; candidate != last; ++candidate) {
    const Entry& entry = entries_[static_cast<size_t>(candidate->second)];
    if (entry.before != before) continue;
    const auto same = static_cast<int>(std::ranges::mismatch(entry.tokens, tokens).in2 - tokens.begin());
    if (same > best.positions) best = {candidate->second, same};
  }
  if (best.positions == 0) return std::nullopt;
  return best;
}

PrefixCache::Link PrefixCache::Insert(Link before, std::span<const int32_t> tokens, int32_t block) {
  pool_.Keep(block);
  Entry& entry = entries_[static_cast<size_t>(block)];
  entry.link = next_link_++;
  entry.before = before;
  entry.hash = HashTokens(before, tokens);
  entry.tokens.assign(tokens.begin(), tokens.end());
  by_tokens_.emplace(entry.hash, block);
  by_first_token_.emplace(HashTokens(before, tokens.first(1)), block);
  return entry.link;
}

void PrefixCache::Share(int32_t block) {
  if (pool_.references(block) == 0) idle_.erase(entries_[static_cast<size_t>(block)].idle);
  pool_.Share(block);
}

void PrefixCache::Drop(int32_t block) {
  if (!pool_.Drop(block) || !pool_.kept(block)) return;
  entries_[static_cast<size_t>(block)].idle = idle_.insert(idle_.end(), block);
}

bool PrefixCache::EvictOne() {
  if (idle_.empty()) return false;
  Forget(idle_.front());
  return true;
}

void PrefixCache::Clear() {
  for (int32_t block = 0; block < pool_.num_blocks(); ++block) {
    if (pool_.kept(block)) Forget(block);
  }
}

void PrefixCache::Forget(int32_t block) {
  const Entry& entry = entries_[static_cast<size_t>(block)];
  Erase(by_tokens_, entry.hash, block);
  Erase(by_first_token_, HashTokens(entry.before, std::span(entry.tokens).first(1)), block);
  if (pool_.references(block) == 0) idle_.erase(entry.idle);
  pool_.Forget(block);
}

void PrefixCache::Erase(Index& index, uint64_t hash, int32_t block) {
  const auto [first, last] = index.equal_range(hash);
  const auto indexed = std::find_if(first, last, [block](const auto& item) { return item.second == block; });
  CHECK(indexed != last) << "block " << block << " is not indexed";
  index.erase(indexed);
}

}  // namespace puna
