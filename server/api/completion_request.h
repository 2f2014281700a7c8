#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/api/answer_options.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// Text, which gets a BOS in front, or token ids, which are taken as they are.
using Prompt = std::variant<std::string, std::vector<TokenId>>;

// What a field called `name` holds: one prompt or several. Throws RequestError 400.
std::vector<Prompt> ReadPrompts(const std::string& name, const Json& prompt, int vocab_size);
std::vector<TokenId> ReadTokenIds(const std::string& path, const Json& tokens, int vocab_size);

std::vector<TokenId> PromptTokens(const Tokenizer& tokenizer, const Prompt& prompt);

// The body of POST /v1/completions.
struct CompletionRequest {
  AnswerOptions options;
  std::vector<Prompt> prompts;    // not empty, no token list in it either
  std::optional<int> max_tokens;  // >= 0
  bool echo = false;
  int best_of = 1;  // >= options.n: choices computed, of which the n most probable are sent
};

inline constexpr int kDefaultCompletionTokens = 16;  // as OpenAI's
inline constexpr size_t kMaxChoices = 2048;          // of all prompts together

// Throws RequestError 400. `unknown` gets the names of the members OpenAI's API does not have. Token ids must
// be in [0, vocab_size).
CompletionRequest ParseCompletionRequest(std::string_view body, int vocab_size,
                                         std::vector<std::string>& unknown);

}  // namespace puna
