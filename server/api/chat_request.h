#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/answer_options.h"
#include "server/api/served_model.h"
#include "server/api/tools.h"
#include "tokenizer/chat_format.h"

namespace puna {

// The body of POST /v1/chat/completions.
struct ChatRequest {
  AnswerOptions options;
  // Not empty. Roles are Llama's: "developer" has become "system", "tool" and "function" "ipython". Text
  // parts of one message are joined as they are, calls are written as the model writes them, and the tools
  // stand in their places.
  std::vector<ChatMessage> messages;
  bool calls = false;             // the answer may call tools
  std::optional<int> max_tokens;  // >= 1; max_tokens or max_completion_tokens
};

// The messages of a body that must have some. Throws RequestError 400.
std::vector<ChatMessage> ReadMessages(JsonReader& body);

// The messages as the prompt of the model that is served. Throws RequestError 400 if its chat format cannot
// express them, or if it has none.
std::vector<TokenId> ChatPrompt(const ServedModel& model, std::span<const ChatMessage> messages);

// Throws RequestError 400. `unknown` gets the names of the members OpenAI's API does not have. Token ids must
// be in [0, vocab_size).
ChatRequest ParseChatRequest(std::string_view body, int vocab_size, std::vector<std::string>& unknown);

}  // namespace puna
