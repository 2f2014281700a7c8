#pragma once

#include <ostream>
#include <string_view>

#include "server/options.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// One line per token of `text`: its id and its bytes, control characters and parts of characters escaped;
// then how many there are.
void PrintTokens(std::ostream& out, const Tokenizer& tokenizer, std::string_view text);

// `puna tokenize`: the text of the options, else standard input, to standard output. Throws Error.
void Tokenize(const TokenizeOptions& options);

}  // namespace puna
