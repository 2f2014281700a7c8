#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "engine/grammar/grammar.h"

namespace puna {

// Which expressions match the empty word, and what is left of them without it: a counted repetition of
// something that may be empty would go round without reading anything.
class EmptyWords {
 public:
  // Adds to the grammar what Without needs; the grammar outlives this.
  explicit EmptyWords(Grammar& grammar);

  bool MayBeEmpty(ExpressionId id);
  // Matches what `id` does, but for the empty word.
  ExpressionId Without(ExpressionId id);

 private:
  enum class Answer : uint8_t { kUnknown, kYes, kNo };

  bool Find(ExpressionId id);
  ExpressionId MakeWithout(ExpressionId id);

  Grammar& grammar_;
  std::vector<bool> rule_may_be_empty_;
  std::vector<Answer> answers_;  // by expression: parts may be shared, and are asked about once
  std::unordered_map<ExpressionId, ExpressionId> without_;
  std::unordered_map<RuleId, RuleId> rules_without_;
};

}  // namespace puna
