#pragma once

#include <span>
#include <vector>

#include "server/api/responses/response_request.h"
#include "server/api/served_model.h"

namespace puna {

// What the engine is asked for a response.
struct ResponsePrompt {
  std::vector<TokenId> tokens;
  int max_tokens;  // of the answer
};

// The prompt of a whole conversation. If it is too long and the request says so, its oldest turns are left
// out; else throws RequestError 400 context_length_exceeded. REQUIRES: items is not empty.
ResponsePrompt PromptOf(const ServedModel& model, const ResponseRequest& request,
                        std::span<const ConversationItem> items);

}  // namespace puna
