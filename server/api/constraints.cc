#include "server/api/constraints.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace puna {

std::shared_ptr<TokenConstraint> Constraints::Get(const std::string& rules,
                                                  const std::function<ExpressionId(Grammar&)>& build,
                                                  bool begins_text) {
  const bool space = begins_text && tokenizer_.puts_space_in_front();
  const std::string key = (space ? " " : "") + rules;
  std::shared_ptr<const TokenTrie> trie;
  {
    const std::lock_guard lock(mu_);
    const auto found = std::ranges::find(kept_, key, &Kept::key);
    if (found != kept_.end()) {
      kept_.splice(kept_.begin(), kept_, found);
      return kept_.front().constraint;
    }
    trie = Trie();
  }
  // Outside of the lock: a large schema takes its time. Two who ask for the same at once both make it.
  Grammar grammar;
  ExpressionId root = build(grammar);
  if (space) root = grammar.Sequence({grammar.Literal(" "), root});
  grammar.SetRoot(root);
  auto made = std::make_shared<TokenConstraint>(std::move(trie), grammar);
  const std::lock_guard lock(mu_);
  kept_.push_front({key, made});
  if (kept_.size() > kKept) kept_.pop_back();
  return made;
}

std::shared_ptr<const TokenTrie> Constraints::Trie() {
  if (trie_ != nullptr) return trie_;
  std::vector<std::string_view> bytes(static_cast<size_t>(tokenizer_.vocab_size()));
  for (TokenId id = 0; id < tokenizer_.vocab_size(); ++id)
    if (!tokenizer_.IsSpecial(id)) bytes[static_cast<size_t>(id)] = tokenizer_.Bytes(id);
  const auto ends = tokenizer_.stop_tokens();
  const TokenId python_tag = tokenizer_.Special("<|python_tag|>").value_or(-1);
  trie_ = std::make_shared<const TokenTrie>(
      TokenTrie::Vocabulary{bytes, {ends.begin(), ends.end()}, {python_tag}});
  return trie_;
}

}  // namespace puna
