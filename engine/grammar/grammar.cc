#include "engine/grammar/grammar.h"

#include "engine/base/check.h"
#include "engine/grammar/grammar_error.h"

namespace puna {

void Grammar::CheckSize() const {
  if (expressions_.size() + parts_.size() + bytes_.size() + rules_.size() > kMaxSize)
    throw GrammarError("it is too large: it needs more than " + std::to_string(kMaxSize) + " parts");
}

ExpressionId Grammar::Add(Expression expression) {
  CheckSize();
  expressions_.push_back(expression);
  return static_cast<ExpressionId>(expressions_.size()) - 1;
}

ExpressionId Grammar::AddParts(Kind kind, const std::vector<ExpressionId>& parts) {
  Expression expression{kind};
  expression.first = static_cast<int32_t>(parts_.size());
  expression.count = static_cast<int32_t>(parts.size());
  parts_.insert(parts_.end(), parts.begin(), parts.end());
  return Add(expression);
}

ExpressionId Grammar::Literal(std::string_view bytes) {
  Expression expression{Kind::kLiteral};
  expression.first = static_cast<int32_t>(bytes_.size());
  expression.count = static_cast<int32_t>(bytes.size());
  bytes_ += bytes;
  return Add(expression);
}

ExpressionId Grammar::Byte(uint8_t low, uint8_t high) {
  CHECK(low <= high) << int{low} << " to " << int{high};
  return Add({Kind::kBytes, low, high});
}

ExpressionId Grammar::Symbol(int symbol) {
  CHECK(symbol >= 0 && symbol < kSymbols) << symbol;
  Expression expression{Kind::kSymbol};
  expression.first = symbol;
  return Add(expression);
}

ExpressionId Grammar::Sequence(std::vector<ExpressionId> parts) {
  return parts.size() == 1 ? parts[0] : AddParts(Kind::kSequence, parts);
}

ExpressionId Grammar::Choice(std::vector<ExpressionId> parts) {
  return parts.size() == 1 ? parts[0] : AddParts(Kind::kChoice, parts);
}

ExpressionId Grammar::Repeat(ExpressionId repeated, int min, int max) {
  CHECK(min >= 0 && (max == kUnbounded || min <= max)) << min << " to " << max;
  if (min == 1 && max == 1) return repeated;
  if (min > kMostRepeats || max > kMostRepeats)
    throw GrammarError("a count of more than " + std::to_string(kMostRepeats) + " is not supported");
  Expression expression{Kind::kRepeat};
  expression.first = repeated;
  expression.min = min;
  expression.max = max;
  return Add(expression);
}

RuleId Grammar::AddRule() {
  CheckSize();
  rules_.push_back(-1);
  return static_cast<RuleId>(rules_.size()) - 1;
}

void Grammar::Define(RuleId rule, ExpressionId expression) {
  CHECK(rules_[static_cast<size_t>(rule)] == -1) << "rule " << rule << " is defined already";
  rules_[static_cast<size_t>(rule)] = expression;
}

ExpressionId Grammar::Use(RuleId rule) {
  Expression expression{Kind::kRule};
  expression.first = rule;
  return Add(expression);
}

ExpressionId Grammar::AsRule(ExpressionId expression) {
  if (expressions_[static_cast<size_t>(expression)].kind == Kind::kRule) return expression;
  const RuleId rule = AddRule();
  Define(rule, expression);
  return Use(rule);
}

}  // namespace puna
