#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "server/held_tokens.h"
#include "tokenizer/tokenizer.h"

namespace puna {

using OrderedJson = nlohmann::ordered_json;  // members stay in the order they are written

// Whether the bytes of a token are whole characters.
bool IsText(const Tokenizer& tokenizer, TokenId token);
// The text of one token: special tokens by name; a byte that belongs to no whole character of the token as
// "\\xe2", four characters, as OpenAI writes it.
std::string TokenText(const Tokenizer& tokenizer, TokenId token);
// The same, but marked with "bytes:" in front if any byte is written so: tokens that differ differ here too.
std::string TokenKey(const Tokenizer& tokenizer, TokenId token);

// The log-probabilities of a chat's choice: {content: [{token, logprob, bytes, top_logprobs}], refusal}.
// `top`: whether top lists were asked for; they then hold the token itself too, however improbable.
OrderedJson ChatLogprobs(const Tokenizer& tokenizer, std::span<const AnswerToken> tokens, bool top);

// Those of a completion's choice: {tokens, token_logprobs, top_logprobs, text_offset}, side by side. Offsets
// count characters (code points) of the choice's text. The first token of a prompt has null.
OrderedJson CompletionLogprobs(const Tokenizer& tokenizer, std::span<const AnswerToken> tokens);

// The ids of the tokens that the model generated.
OrderedJson GeneratedTokenIds(std::span<const AnswerToken> tokens);

}  // namespace puna
