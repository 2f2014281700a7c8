#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string_view>
#include <vector>

#include "engine/grammar/configurations.h"
#include "engine/grammar/plain_text.h"
#include "engine/grammar/token_mask.h"
#include "engine/grammar/token_trie.h"

namespace puna {

class TokenMatcher;

// A grammar over a vocabulary: which tokens may follow. Shared by all answers under one grammar, as what one
// of them has found out holds for all; any thread may make and use matchers of it. Masks and steps are kept
// up to kMaxMemory; past it, what no answer stands at is forgotten and found again if it is needed.
//
// What is allowed depends on the grammar and the answer so far alone. Finding out has a bound for grammars
// that are in very many places at once: what lies beyond is not allowed.
class TokenConstraint {
 public:
  static constexpr size_t kMaxMemory = 24 << 20;  // bytes

  // Throws GrammarError, as PushdownAutomaton does.
  TokenConstraint(std::shared_ptr<const TokenTrie> trie, const Grammar& grammar);

  // Whether the grammar matches these bytes.
  bool Matches(std::string_view bytes);

  // Configurations known at present: for tests.
  size_t configurations() const;

 private:
  friend class TokenMatcher;

  using Id = Configurations::Id;

  Id StepBytes(Id from, std::string_view bytes);
  Id StepToken(Id from, int32_t token);
  std::shared_ptr<const TokenMask> MaskOf(Id at);
  std::shared_ptr<const TokenMask> ComputeMask(Id at);
  void AllowBytes(Id at, TokenMask& mask);
  void AllowByWalk(Id at, std::span<const TokenTrie::Node> nodes, TokenMask& mask);
  void BoundMemory();

  const std::shared_ptr<const TokenTrie> trie_;
  const std::shared_ptr<const PushdownAutomaton> automaton_;
  const PlainSteps plain_;

  mutable std::mutex mu_;  // guards all below
  Configurations configurations_;
  std::vector<std::shared_ptr<const TokenMask>> masks_;  // by configuration; null: not yet computed
  size_t mask_count_ = 0;
  std::set<TokenMatcher*> matchers_;
  std::vector<Id> path_;          // of the walk through the trie: by depth
  std::vector<uint32_t> met_in_;  // by configuration: the last walk that met it
  uint32_t walk_ = 0;
};

// How far one answer is. For one thread at a time.
class TokenMatcher {
 public:
  explicit TokenMatcher(std::shared_ptr<TokenConstraint> constraint);
  ~TokenMatcher();
  TokenMatcher(const TokenMatcher&) = delete;
  TokenMatcher& operator=(const TokenMatcher&) = delete;

  // The tokens that may come next. The end tokens are among them if the answer may end here.
  std::shared_ptr<const TokenMask> Allowed();
  // The answer goes on with this token. REQUIRES: it is allowed, and no end token.
  void Accept(int32_t token);
  // Nothing may follow but the end.
  bool finished();

 private:
  friend class TokenConstraint;

  const std::shared_ptr<TokenConstraint> constraint_;
  Configurations::Id at_;  // guarded by the constraint's mutex
};

}  // namespace puna
