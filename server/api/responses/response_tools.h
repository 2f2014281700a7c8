#pragma once

#include <string_view>

#include "server/api/json_body.h"
#include "server/api/tools.h"

namespace puna {

// tools, tool_choice and parallel_tool_calls as /v1/responses has them: the members of a function lie beside
// its type. `text` is the body, whose order counts. Throws RequestError 400.
ToolUse ReadResponseTools(JsonReader& body, std::string_view text);

}  // namespace puna
