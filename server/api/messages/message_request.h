#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/api/answer_options.h"
#include "server/api/messages/message_content.h"

namespace puna {

// The body of POST /v1/messages, or of POST /v1/messages/count_tokens.
struct MessageRequest {
  AnswerOptions options;
  Conversation conversation;  // with the tools in their places
  bool calls = false;         // the answer may call tools
  int max_tokens = 0;         // >= 1, but 0 where tokens are only counted
};

enum class MessagePurpose { kAnswer, kCount };

// Throws RequestError 400. `unknown` gets the names of the members Anthropic's API does not have.
MessageRequest ParseMessageRequest(std::string_view body, MessagePurpose purpose,
                                   std::vector<std::string>& unknown);

}  // namespace puna
