#include "engine/grammar/token_trie.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "engine/base/check.h"
#include "engine/grammar/grammar.h"
#include "engine/grammar/plain_text.h"

namespace puna {

TokenTrie::TokenTrie(const Vocabulary& vocabulary)
    : end_tokens_(vocabulary.end_tokens), symbols_(vocabulary.symbols) {
  CHECK(symbols_.size() <= static_cast<size_t>(Grammar::kSymbols)) << symbols_.size();
  for (const std::string_view bytes : vocabulary.bytes) {
    begins_.push_back(static_cast<uint32_t>(bytes_.size()));
    bytes_ += bytes;
  }
  begins_.push_back(static_cast<uint32_t>(bytes_.size()));

  std::vector<int32_t> order(vocab_size());
  std::iota(order.begin(), order.end(), 0);
  std::erase_if(order, [this](int32_t token) { return Bytes(token).empty(); });
  std::ranges::stable_sort(order, {}, [this](int32_t token) { return Bytes(token); });
  nodes_ = Tree(order);

  all_plain_.resize((vocab_size() + 63) / 64);
  std::erase_if(order, [this](int32_t token) {
    const auto characters = CountPlain(Bytes(token));
    if (!characters || *characters > kMostPlain) return false;
    plain_[*characters].push_back(token);
    Allow(all_plain_, token);
    return true;
  });
  other_nodes_ = Tree(order);
}

std::vector<TokenTrie::Node> TokenTrie::Tree(std::span<const int32_t> tokens) const {
  std::vector<Node> nodes;
  std::vector<size_t> path;  // the nodes from the root to the last token
  std::string_view last;
  const auto close_to = [&](size_t depth) {
    for (; path.size() > depth; path.pop_back())
      nodes[path.back()].subtree_end = static_cast<int32_t>(nodes.size());
  };
  for (const int32_t token : tokens) {
    const std::string_view bytes = Bytes(token);
    CHECK(bytes.size() <= std::numeric_limits<uint16_t>::max()) << "token " << token;
    const size_t common = static_cast<size_t>(std::ranges::mismatch(last, bytes).in1 - last.begin());
    // One more of the same bytes: the last node again.
    const size_t shared = common == bytes.size() ? common - 1 : common;
    close_to(shared);
    for (size_t depth = shared; depth < bytes.size(); ++depth) {
      path.push_back(nodes.size());
      nodes.push_back({static_cast<int32_t>(vocab_size()), 0, static_cast<uint16_t>(depth + 1),
                       static_cast<uint8_t>(bytes[depth])});
    }
    nodes[path.back()].token = token;
    last = bytes;
  }
  close_to(0);
  return nodes;
}

void TokenTrie::AllowPlain(size_t characters, TokenMask& mask) const {
  if (characters >= kMostPlain) {
    for (size_t word = 0; word < all_plain_.size(); ++word) mask[word] |= all_plain_[word];
    return;
  }
  for (size_t count = 0; count <= characters; ++count)
    for (const int32_t token : plain_[count]) Allow(mask, token);
}

std::string_view TokenTrie::Bytes(int32_t token) const {
  const auto i = static_cast<size_t>(token);
  return std::string_view(bytes_).substr(begins_[i], begins_[i + 1] - begins_[i]);
}

}  // namespace puna
