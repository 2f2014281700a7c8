#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace puna {

// How many tokens an answer may have: `wanted` if the request says so, else `by_default`, in both cases with
// the prompt at most the context. Throws RequestError 400 context_length_exceeded, naming the numbers, if the
// prompt leaves no room, or less than `wanted`. `param`: the field that holds the prompt.
int AnswerTokens(int max_context, size_t prompt_tokens, std::optional<int> wanted, int by_default,
                 std::string_view param);

}  // namespace puna
