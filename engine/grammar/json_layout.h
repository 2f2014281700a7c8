#pragma once

#include <optional>
#include <vector>

#include "engine/grammar/grammar.h"

namespace puna {

// How JSON is laid out: objects and arrays from the expressions of what is in them.
class JsonLayout {
 public:
  explicit JsonLayout(Grammar& grammar);

  // Nothing, a blank, or a line break and its indentation.
  ExpressionId blank() const { return blank_; }
  // `name` is quoted.
  ExpressionId Member(ExpressionId name, ExpressionId value);

  struct Property {
    ExpressionId member;
    bool required;
  };
  // The properties in their order, each at most once, then between `least` and `most` of `additional`, if
  // there is any; `not_empty`: at least one in all.
  struct ObjectParts {
    std::vector<Property> properties;
    std::optional<ExpressionId> additional;
    int most = Grammar::kUnbounded;
    bool not_empty = false;
  };
  ExpressionId Object(const ObjectParts& parts);

  // The first items as `prefix` has them, then any number of `rest`, if there is any; between min and max (or
  // kUnbounded) in all.
  ExpressionId Array(const std::vector<ExpressionId>& prefix, std::optional<ExpressionId> rest, int min,
                     int max);

  ExpressionId AnyValue();   // a rule
  ExpressionId AnyObject();  // a rule

 private:
  ExpressionId Following(ExpressionId item) { return grammar_.Sequence({comma_, item}); }
  ExpressionId Enclosed(const char* open, ExpressionId inside, const char* close);

  Grammar& grammar_;
  ExpressionId blank_;
  ExpressionId comma_;
  std::optional<RuleId> any_value_;
  std::optional<RuleId> any_object_;
};

}  // namespace puna
