#include "engine/grammar/empty_words.h"

#include <algorithm>

#include "engine/base/check.h"

namespace puna {

using Kind = Grammar::Kind;

EmptyWords::EmptyWords(Grammar& grammar) : grammar_(grammar), rule_may_be_empty_(grammar.rules(), false) {
  for (bool changed = true; changed;) {
    changed = false;
    answers_.clear();
    for (size_t rule = 0; rule < rule_may_be_empty_.size(); ++rule) {
      if (rule_may_be_empty_[rule]) continue;
      CHECK(grammar.rule(static_cast<RuleId>(rule)) >= 0) << "rule " << rule << " is not defined";
      if (!MayBeEmpty(grammar.rule(static_cast<RuleId>(rule)))) continue;
      rule_may_be_empty_[rule] = true;
      changed = true;
    }
  }
}

bool EmptyWords::MayBeEmpty(ExpressionId id) {
  const auto place = static_cast<size_t>(id);
  if (place >= answers_.size()) answers_.resize(std::max(place + 1, answers_.size() * 2), Answer::kUnknown);
  if (answers_[place] == Answer::kUnknown) {
    const bool yes = Find(id);
    answers_[place] = yes ? Answer::kYes : Answer::kNo;
  }
  return answers_[place] == Answer::kYes;
}

bool EmptyWords::Find(ExpressionId id) {
  const Grammar::Expression& e = grammar_.expression(id);
  const auto part_may = [&](int32_t i) { return MayBeEmpty(grammar_.part(e, i)); };
  switch (e.kind) {
    case Kind::kBytes:
    case Kind::kSymbol:
      return false;
    case Kind::kLiteral:
      return e.count == 0;
    case Kind::kSequence:
      for (int32_t i = 0; i < e.count; ++i)
        if (!part_may(i)) return false;
      return true;
    case Kind::kChoice:
      for (int32_t i = 0; i < e.count; ++i)
        if (part_may(i)) return true;
      return false;
    case Kind::kRepeat:
      return e.min == 0 || MayBeEmpty(e.first);
    case Kind::kRule:
      // Rules that Without added match no empty word.
      return static_cast<size_t>(e.first) < rule_may_be_empty_.size() &&
             rule_may_be_empty_[static_cast<size_t>(e.first)];
  }
  return false;
}

ExpressionId EmptyWords::Without(ExpressionId id) {
  if (!MayBeEmpty(id)) return id;
  const auto found = without_.find(id);
  if (found != without_.end()) return found->second;
  const ExpressionId made = MakeWithout(id);
  without_.emplace(id, made);
  return made;
}

ExpressionId EmptyWords::MakeWithout(ExpressionId id) {
  const Grammar::Expression e = grammar_.expression(id);  // a copy: the grammar grows meanwhile
  std::vector<ExpressionId> parts;
  for (int32_t i = 0; (e.kind == Kind::kSequence || e.kind == Kind::kChoice) && i < e.count; ++i)
    parts.push_back(grammar_.part(e, i));
  switch (e.kind) {
    case Kind::kChoice:
      for (ExpressionId& part : parts) part = Without(part);
      return grammar_.Choice(std::move(parts));
    case Kind::kSequence: {
      // All parts may be empty: something non-empty begins with the first that is not.
      std::vector<ExpressionId> alternatives;
      for (size_t i = 0; i < parts.size(); ++i) {
        const ExpressionId rest =
            grammar_.Sequence({parts.begin() + static_cast<ptrdiff_t>(i) + 1, parts.end()});
        alternatives.push_back(grammar_.Sequence({Without(parts[i]), rest}));
      }
      return grammar_.Choice(std::move(alternatives));
    }
    case Kind::kRepeat:
      if (e.max == 0) return grammar_.Never();
      return grammar_.Repeat(Without(e.first), 1, e.max);
    case Kind::kRule: {
      const auto [place, fresh] = rules_without_.emplace(e.first, -1);
      if (fresh) {
        const RuleId made = grammar_.AddRule();
        rules_without_[e.first] = made;
        grammar_.Define(made, Without(grammar_.rule(e.first)));
        return grammar_.Use(made);
      }
      return grammar_.Use(place->second);
    }
    case Kind::kBytes:
    case Kind::kSymbol:
    case Kind::kLiteral:
      break;
  }
  return grammar_.Never();  // the empty literal
}

}  // namespace puna
