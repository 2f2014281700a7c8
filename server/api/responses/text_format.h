#pragma once

#include <optional>
#include <string_view>

#include "server/api/json_body.h"
#include "server/api/output_rules.h"

namespace puna {

// The member "text" of a request for a response: what the text must look like; nothing for any. `text` is the
// body, whose order counts. Throws RequestError 400.
std::optional<OutputRules> ReadTextFormat(JsonReader& body, std::string_view text);

}  // namespace puna
