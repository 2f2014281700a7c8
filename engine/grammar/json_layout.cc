#include "engine/grammar/json_layout.h"

#include <algorithm>

#include "engine/grammar/json_numbers.h"
#include "engine/grammar/json_schema.h"
#include "engine/grammar/json_strings.h"

namespace puna {

JsonLayout::JsonLayout(Grammar& grammar) : grammar_(grammar) {
  const ExpressionId indent = grammar.Choice({grammar.Literal(" "), grammar.Literal("\t")});
  blank_ = grammar.AsRule(
      grammar.Choice({grammar.Empty(), grammar.Literal(" "),
                      grammar.Sequence({grammar.Literal("\n"), grammar.Repeat(indent, 0, kMaxIndent)})}));
  comma_ = grammar.Sequence({grammar.Literal(","), blank_});
}

ExpressionId JsonLayout::Member(ExpressionId name, ExpressionId value) {
  return grammar_.Sequence({name, grammar_.Literal(":"), blank_, value});
}

ExpressionId JsonLayout::Enclosed(const char* open, ExpressionId inside, const char* close) {
  return grammar_.Sequence({grammar_.Literal(open), blank_, inside, grammar_.Literal(close)});
}

// From the last property to the first: what may follow if something was written already, and if not. Each is
// a rule that ends in the next one, so that it stays small whatever may be left out.
ExpressionId JsonLayout::Object(const ObjectParts& parts) {
  const bool more = parts.additional.has_value() && parts.most != 0;
  const int most_after = parts.most == Grammar::kUnbounded ? Grammar::kUnbounded : parts.most - 1;
  ExpressionId after = grammar_.Empty();
  std::vector<ExpressionId> at_first;
  if (!parts.not_empty) at_first.push_back(grammar_.Empty());
  if (more) {
    after = grammar_.AsRule(grammar_.Repeat(Following(*parts.additional), 0, parts.most));
    at_first.push_back(grammar_.Sequence(
        {*parts.additional, grammar_.Repeat(Following(*parts.additional), 0, most_after), blank_}));
  }
  after = grammar_.Sequence({after, blank_});
  ExpressionId first = grammar_.Choice(std::move(at_first));
  for (size_t i = parts.properties.size(); i-- > 0;) {
    const JsonLayout::Property& property = parts.properties[i];
    const ExpressionId member = grammar_.AsRule(property.member);
    after = grammar_.AsRule(after);
    const ExpressionId begins = grammar_.Sequence({member, after});
    const ExpressionId goes_on = grammar_.Sequence({Following(member), after});
    first = property.required ? begins : grammar_.Choice({begins, grammar_.AsRule(first)});
    after = property.required ? goes_on : grammar_.Choice({goes_on, after});
  }
  return Enclosed("{", first, "}");
}

ExpressionId JsonLayout::Array(const std::vector<ExpressionId>& prefix, std::optional<ExpressionId> rest,
                               int min, int max) {
  const bool bounded = max != Grammar::kUnbounded;
  const auto count = static_cast<int>(prefix.size());
  if (bounded && max < min) return grammar_.Never();
  if (!rest && count < min) return grammar_.Never();
  // What may follow after so many items, from the most to none.
  const auto left_of = [&](int taken) { return bounded ? std::max(0, max - taken) : Grammar::kUnbounded; };
  const auto needed = [&](int taken) { return std::max(0, min - taken); };
  ExpressionId after = grammar_.Empty();
  if (rest && count > 0 && left_of(count) != 0)
    after = grammar_.Repeat(Following(*rest), needed(count), left_of(count));
  for (int i = count - 1; i > 0; --i) {
    if (left_of(i) == 0) {
      after = grammar_.Empty();
      continue;
    }
    const ExpressionId item =
        grammar_.Sequence({Following(prefix[static_cast<size_t>(i)]), grammar_.AsRule(after)});
    after = needed(i) > 0 ? item : grammar_.Optional(item);
  }
  std::vector<ExpressionId> choices;
  if (min == 0) choices.push_back(grammar_.Empty());
  if (count > 0 && left_of(0) != 0) choices.push_back(grammar_.Sequence({prefix[0], after, blank_}));
  if (count == 0 && rest && left_of(0) != 0) {
    choices.push_back(
        grammar_.Sequence({*rest, grammar_.Repeat(Following(*rest), needed(1), left_of(1)), blank_}));
  }
  return Enclosed("[", grammar_.Choice(std::move(choices)), "]");
}

ExpressionId JsonLayout::AnyValue() {
  if (any_value_) return grammar_.Use(*any_value_);
  any_value_ = grammar_.AddRule();
  std::vector<ExpressionId> choices = {
      AnyObject(),
      grammar_.AsRule(Array({}, grammar_.Use(*any_value_), 0, Grammar::kUnbounded)),
      JsonString(grammar_, {}),
      JsonNumber(grammar_, {}),
      grammar_.Literal("true"),
      grammar_.Literal("false"),
      grammar_.Literal("null")};
  grammar_.Define(*any_value_, grammar_.Choice(std::move(choices)));
  return grammar_.Use(*any_value_);
}

ExpressionId JsonLayout::AnyObject() {
  if (any_object_) return grammar_.Use(*any_object_);
  any_object_ = grammar_.AddRule();
  ObjectParts parts;
  parts.additional = grammar_.AsRule(Member(JsonString(grammar_, {}), AnyValue()));
  grammar_.Define(*any_object_, Object(parts));
  return grammar_.Use(*any_object_);
}

ExpressionId AnyJson(Grammar& grammar) { return JsonLayout(grammar).AnyValue(); }
ExpressionId AnyJsonObject(Grammar& grammar) { return JsonLayout(grammar).AnyObject(); }

}  // namespace puna
