#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "engine/grammar/token_constraint.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// The constraints that requests have asked for lately, over the model's vocabulary. Most requests of one
// program bring the same schema: it is read once, and its masks are found once. Thread-safe; the tokenizer
// outlives this.
class Constraints {
 public:
  static constexpr size_t kKept = 16;
  static constexpr int kPythonTag = 0;  // Grammar::Symbol of <|python_tag|>, where there is one

  explicit Constraints(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  // The constraint of those rules, made by `build` if it is not known. `begins_text`: the answer is a text of
  // its own, and the space that the tokenizer puts in front of texts is not part of it. Throws GrammarError.
  std::shared_ptr<TokenConstraint> Get(const std::string& rules,
                                       const std::function<ExpressionId(Grammar&)>& build, bool begins_text);

 private:
  struct Kept {
    std::string key;
    std::shared_ptr<TokenConstraint> constraint;
  };

  std::shared_ptr<const TokenTrie> Trie();

  const Tokenizer& tokenizer_;
  std::mutex mu_;
  std::list<Kept> kept_;                   // guarded by mu_; the latest first
  std::shared_ptr<const TokenTrie> trie_;  // guarded by mu_; made for the first constraint
};

}  // namespace puna
