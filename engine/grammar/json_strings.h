#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/grammar/grammar.h"

namespace puna {

// What a schema says of a string, beside its type.
struct StringLimits {
  int min_length = 0;  // characters
  std::optional<int> max_length;
  std::optional<std::string> pattern;
  std::optional<std::string> format;
};

// The strings within the limits, quotes and all. Throws GrammarError for patterns regex.h does not know,
// formats of no table, and combinations of pattern, format and length, which are not supported.
ExpressionId JsonString(Grammar& grammar, const StringLimits& limits);

// Any string but these, without escapes: names that are free to choose beside those that are taken.
ExpressionId JsonStringExcept(Grammar& grammar, const std::vector<std::string>& taken);

// Whether there is a table for a format's name.
bool IsKnownFormat(std::string_view format);

}  // namespace puna
