#pragma once

#include <string_view>

#include "tokenizer/vocabulary.h"

namespace puna {

// Parses a tiktoken rank file, Llama 3's tokenizer.model: one token a line, its bytes in base64, a space, its
// rank; ranks count up from 0. A pure function of the bytes. `where` names the file in messages. Throws Error
// with the line number for anything else: bad base64, ranks that skip or repeat, tokens that repeat, are
// empty or longer than 1024 bytes, a byte without a token of its own, or a file of another kind (HTML, a
// git-lfs pointer, Llama 2's sentencepiece model).
Vocabulary ParseTiktoken(std::string_view bytes, std::string_view where);

}  // namespace puna
