#include "server/api/responses/response_prompt.h"

#include <algorithm>
#include <utility>

#include "server/api/chat_request.h"
#include "server/api/context_length.h"

namespace puna {
namespace {

std::vector<TokenId> Encode(const ServedModel& model, const ResponseRequest& request,
                            std::span<const ConversationItem> items) {
  std::vector<ChatMessage> messages = MessagesOf(items);
  if (!request.instructions.empty()) messages.insert(messages.begin(), {"system", request.instructions});
  AddToolsToPrompt(request.tools, messages);
  return ChatPrompt(model, messages, "input");
}

// Where a conversation may begin that has lost its beginning: not with an answer, nor with what a function
// gave back.
std::vector<size_t> Beginnings(std::span<const ConversationItem> items) {
  std::vector<size_t> beginnings = {0};
  for (size_t i = 1; i < items.size(); ++i)
    if (items[i].kind == ConversationItem::Kind::kMessage && items[i].message.role != "assistant")
      beginnings.push_back(i);
  return beginnings;
}

// The prompt of the most of the latest items that leaves room for an answer; of the fewest if none does.
std::vector<TokenId> EncodeLatest(const ServedModel& model, const ResponseRequest& request,
                                  std::span<const ConversationItem> items) {
  const auto context = static_cast<size_t>(model.max_context);
  // An answer without a limit has a quarter of the context at least.
  const size_t room = request.max_tokens ? static_cast<size_t>(*request.max_tokens) : context / 4;
  const auto fits = [&](const std::vector<TokenId>& tokens) { return tokens.size() + room <= context; };
  const std::vector<size_t> beginnings = Beginnings(items);
  std::vector<TokenId> best = Encode(model, request, items);
  if (fits(best)) return best;
  // All from the one at `low` on were too many; from that at `high` on they fit, or are the fewest.
  size_t low = 0;
  size_t high = beginnings.size() - 1;
  if (high > low) best = Encode(model, request, items.subspan(beginnings[high]));
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    std::vector<TokenId> tokens = Encode(model, request, items.subspan(beginnings[middle]));
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
  prompt.tokens = request.truncate ? EncodeLatest(model, request, items) : Encode(model, request, items);
  const int by_default = model.chat_max_tokens > 0 ? model.chat_max_tokens : model.max_context;
  prompt.max_tokens =
      AnswerTokens(model.max_context, prompt.tokens.size(), request.max_tokens, by_default, "input");
  return prompt;
}

}  // namespace puna
