#pragma once

#include <string_view>

#include "engine/grammar/grammar.h"

namespace puna {

// A grammar in GBNF, the notation of llama.cpp: rules `name ::= ...` of "texts", [classes], names, (groups),
// the quantifiers * + ? {m,n}, alternatives with |, and comments from # to the end of the line. `.` is any
// character. The rule `root` is the whole. Throws GrammarError with the line.
ExpressionId Gbnf(Grammar& grammar, std::string_view text);

}  // namespace puna
