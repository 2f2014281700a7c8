#pragma once

#include <string_view>

#include "engine/grammar/char_set.h"
#include "engine/grammar/grammar.h"

namespace puna {

// Where a pattern has to match.
enum class RegexMatch {
  kWhole,     // the whole text, as guided decoding means it; ^ and $ at the ends change nothing
  kAnywhere,  // some part of it, as JSON Schema means it, unless ^ or $ say otherwise
};

// An ECMAScript pattern (the flag `u`) as an expression: literals, classes, . \d \w \s and their negations,
// groups, alternation, all quantifiers (which are greedy makes no difference), ^ and $ at the ends of the
// pattern or of an alternative of it. Back references, look-around, \b and \p are no regular language or not
// supported: GrammarError says which and at which character, as for malformed patterns.
ExpressionId Regex(Grammar& grammar, std::string_view pattern, RegexMatch match, TextEncoding encoding);

}  // namespace puna
