#include "tokenizer/bpe.h"

#include <algorithm>

#include "engine/base/check.h"

namespace puna {
namespace {

// The heap's top is the lowest rank, of equals the leftmost.
constexpr auto kLater = [](const auto& a, const auto& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
};

}  // namespace

void BytePairMerger::Encode(std::string_view piece, std::vector<TokenId>& out) {
  if (const TokenId whole = vocabulary_.Find(piece); whole >= 0) {
    out.push_back(whole);
    return;
  }
  CHECK(piece.size() < UINT32_MAX) << piece.size() << " bytes";
  const auto size = static_cast<uint32_t>(piece.size());
  parts_.resize(size);
  heap_.clear();
  for (uint32_t i = 0; i < size; ++i) parts_[i] = {i - 1, i + 1, i + 1, vocabulary_.Find(piece.substr(i, 1))};
  for (uint32_t i = 0; i < size; ++i) Consider(piece, i);

  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), kLater);
    const Candidate best = heap_.back();
    heap_.pop_back();
    ++steps_;
    Part& left = parts_[best.left];
    if (left.end == 0 || left.next == size) continue;
    Part& right = parts_[left.next];
    if (right.end != best.end) continue;  // one of the two has grown since
    left.end = right.end;
    left.next = right.next;
    left.token = best.rank;
    right.end = 0;
    if (left.next < size) parts_[left.next].previous = best.left;
    Consider(piece, best.left);
    if (best.left > 0) Consider(piece, left.previous);
  }
  for (uint32_t i = 0; i < size; i = parts_[i].next) out.push_back(parts_[i].token);
}

// Puts the merge of the part at `left` with its right neighbour into the heap, if it makes a token.
void BytePairMerger::Consider(std::string_view piece, uint32_t left) {
  const uint32_t next = parts_[left].next;
  if (next == parts_.size()) return;
  const uint32_t end = parts_[next].end;
  const TokenId rank = vocabulary_.Find(piece.substr(left, end - left));
  if (rank < 0) return;
  heap_.push_back({rank, left, end});
  std::push_heap(heap_.begin(), heap_.end(), kLater);
}

}  // namespace puna
