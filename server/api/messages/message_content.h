#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/api/json_body.h"
#include "tokenizer/chat_format.h"

namespace puna {

// The conversation in an Anthropic request as Llama reads it.
struct Conversation {
  // `system` first. Results of tools are messages of the role "ipython", calls are written as the model
  // writes them, earlier thinking is left out, and neighbours of one role are one message.
  std::vector<ChatMessage> messages;
  // What a last message of the assistant began: the answer goes on with it.
  std::string prefill;
};

// `text` is the body, whose order counts in what was called. Throws RequestError 400.
Conversation ReadConversation(JsonReader& body, std::string_view text);

}  // namespace puna
