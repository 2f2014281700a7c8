#include "engine/grammar/token_trie.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "engine/base/check.h"
#include "engine/grammar/grammar.h"

namespace puna {

TokenTrie::TokenTrie(const Vocabulary& vocabulary)
    : end_tokens_(vocabulary.end_tokens), symbols_(vocabulary.symbols) {
  CHECK(symbols_.size() <= static_cast<size_t>(Grammar::kSymbols)) << symbols_.size();
  std::vector<int32_t> order(vocabulary.bytes.size());
  std::iota(order.begin(), order.end(), 0);
  const auto bytes_of = [&](int32_t id) { return vocabulary.bytes[static_cast<size_t>(id)]; };
  std::ranges::stable_sort(order, {}, bytes_of);
  for (const std::string_view bytes : vocabulary.bytes) {
    begins_.push_back(static_cast<uint32_t>(bytes_.size()));
    bytes_ += bytes;
  }
  begins_.push_back(static_cast<uint32_t>(bytes_.size()));

  std::vector<size_t> path;  // the nodes from the root to the last token
  std::string_view last;
  const auto close_to = [&](size_t depth) {
    for (; path.size() > depth; path.pop_back())
      nodes_[path.back()].subtree_end = static_cast<int32_t>(nodes_.size());
  };
  for (const int32_t id : order) {
    const std::string_view bytes = bytes_of(id);
    if (bytes.empty()) continue;
    CHECK(bytes.size() <= std::numeric_limits<uint16_t>::max()) << "token " << id;
    const size_t common = static_cast<size_t>(std::ranges::mismatch(last, bytes).in1 - last.begin());
    // One more of the same bytes: the last node again.
    const size_t shared = common == bytes.size() ? common - 1 : common;
    close_to(shared);
    for (size_t depth = shared; depth < bytes.size(); ++depth) {
      path.push_back(nodes_.size());
      nodes_.push_back({-1, 0, static_cast<uint16_t>(depth + 1), static_cast<uint8_t>(bytes[depth])});
    }
    nodes_[path.back()].token = id;
    last = bytes;
  }
  close_to(0);
}

std::string_view TokenTrie::Bytes(int32_t token) const {
  const auto i = static_cast<size_t>(token);
  return std::string_view(bytes_).substr(begins_[i], begins_[i + 1] - begins_[i]);
}

}  // namespace puna
