#include "server/api/context_length.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "server/api_error.h"

namespace puna {

int AnswerTokens(int max_context, size_t prompt_tokens, std::optional<int> wanted, int by_default,
                 std::string_view param) {
  const auto context = static_cast<size_t>(max_context);
  const auto refuse = [&](const std::string& found) {
    throw RequestError(
        400,
        fmt::format("This model's maximum context length is {} tokens. However, {}.", max_context, found),
        std::string(param), "context_length_exceeded");
  };
  // An answer of no tokens is a way to ask for the prompt's numbers; any other needs room for one.
  const size_t least = wanted ? static_cast<size_t>(*wanted) : 1;
  if (prompt_tokens + std::min<size_t>(least, 1) > context) {
    refuse(fmt::format("your {} resulted in {} tokens. Please reduce the length of the {}", param,
                       prompt_tokens, param));
  }
  if (prompt_tokens + least > context) {
    refuse(fmt::format(
        "you requested {} tokens ({} in the {}, {} in the completion). Please reduce the length of "
        "the {} or completion",
        prompt_tokens + least, prompt_tokens, param, least, param));
  }
  if (wanted) return *wanted;
  return static_cast<int>(std::min<size_t>(context - prompt_tokens, static_cast<size_t>(by_default)));
}

}  // namespace puna
