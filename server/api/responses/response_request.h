#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/answer_options.h"
#include "server/api/responses/conversation_item.h"
#include "server/api/tools.h"

namespace puna {

// The body of POST /v1/responses.
struct ResponseRequest {
  AnswerOptions options;
  std::vector<ConversationItem> input;  // not empty
  std::string previous;                 // the response that this one goes on from; "": none
  std::string instructions;             // a system message before everything; "": none
  ToolUse tools;
  std::optional<int> max_tokens;  // >= 1
  bool truncate = false;          // the oldest items go if the prompt is too long
  bool store = true;
  OrderedJson echo;  // members of the answer that repeat what was asked for
};

// Throws RequestError 400. `unknown` gets the names of the members OpenAI's API does not have. Token ids must
// be in [0, vocab_size).
ResponseRequest ParseResponseRequest(std::string_view body, int vocab_size,
                                     std::vector<std::string>& unknown);

}  // namespace puna
