#include "server/api/responses/response_prompt.h"

#include <algorithm>
#include <utility>

#include "server/api/context_length.h"

namespace puna {
namespace {

std::vector<TokenId> Encode(const ServedModel& model, const ResponseRequest& request,
                            std::span<const ConversationItem> items) {
  std::vector<ChatMessage> messages = MessagesOf(items);
  if (!request.instructions.empty()) messages.insert(messages.begin(), {"system", request.instructions});
  AddToolsToPrompt(request.tools, messages);
  return EncodeLlama3Chat(model.tokenizer, messages);
}

// The prompt of the most of the latest items that leaves room for an answer; of the last one if none does.
std::vector<TokenId> EncodeLatest(const ServedModel& model, const ResponseRequest& request,
                                  std::span<const ConversationItem> items) {
  const auto context = static_cast<size_t>(model.max_context);
  // An answer without a limit has a quarter of the context at least.
  const size_t room = request.max_tokens ? static_cast<size_t>(*request.max_tokens) : context / 4;
  const auto fits = [&](const std::vector<TokenId>& tokens) { return tokens.size() + room <= context; };
  std::vector<TokenId> best = Encode(model, request, items);
  if (fits(best)) return best;
  // All from `low` on were too many; from `high` on they fit, or are the last one.
  size_t low = 0;
  size_t high = items.size() - 1;
  best = Encode(model, request, items.subspan(high));
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    std::vector<TokenId> tokens = Encode(model, request, items.subspan(middle));
    if (fits(tokens)) {
      high = middle;
      best = std::move(tokens);
    } else {
      low = middle;
    }
  }
  return best;
}

}  // namespace

ResponsePrompt PromptOf(const ServedModel& model, const ResponseRequest& request,
                        std::span<const ConversationItem> items) {
  ResponsePrompt prompt;
  prompt.tokens =
      request.truncate ? EncodeLatest(model, request, items) : Encode(model, request, items);
  const int by_default = model.chat_max_tokens > 0 ? model.chat_max_tokens : model.max_context;
  prompt.max_tokens =
      AnswerTokens(model.max_context, prompt.tokens.size(), request.max_tokens, by_default, "input");
  return prompt;
}

}  // namespace puna
