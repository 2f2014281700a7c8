#pragma once

#include <string_view>

#include "server/api/json_body.h"
#include "server/api/tools.h"

namespace puna {

// The tools and tool_choice of an Anthropic request. `text` is the body, whose order counts in schemas.
// Throws RequestError 400, also for tools without a schema of the client's own: those that Anthropic defines
// or runs.
ToolUse ReadMessageTools(JsonReader& body, std::string_view text);

}  // namespace puna
