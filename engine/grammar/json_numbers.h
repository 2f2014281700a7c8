#pragma once

#include <optional>
#include <string>

#include "engine/grammar/grammar.h"

namespace puna {

// What a schema says of a number. Bounds are decimal numbers as JSON writes them.
struct NumberLimits {
  bool integer = false;
  std::optional<std::string> minimum;
  bool exclusive_minimum = false;
  std::optional<std::string> maximum;
  bool exclusive_maximum = false;
  int multiple_of = 1;  // whole; above 1 the number is an integer

  bool bounded() const { return minimum.has_value() || maximum.has_value() || multiple_of > 1; }
};

// Digits of a bounded number, before and after the point together: so many are told apart by every reader
// that keeps numbers as doubles, so that a number within the bounds as it is written is within them as it is
// read.
inline constexpr int kBoundedDigits = 15;
inline constexpr int kMaxMultipleOf = 1000;

// The numbers within the limits, as JSON: decimal, and without an exponent if there are bounds. An integer
// has no fraction. Throws GrammarError for bounds that need more digits than kBoundedDigits.
ExpressionId JsonNumber(Grammar& grammar, const NumberLimits& limits);

}  // namespace puna
