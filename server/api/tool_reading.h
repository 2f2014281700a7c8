#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/grammar/json_value.h"
#include "server/api/json_body.h"
#include "server/api/tools.h"

namespace puna {

// What the ways to speak of tools have in common, whatever the API. All throw RequestError 400.

// One of `tools`: where it stands in the request, its value, and the same with its members in their order.
using ToolReader = Tool (*)(const std::string& path, const Json& json, const JsonValue& in_order);

// The body's "tools", no two of one name; `name` is where a tool has it. `text` is the body, whose order
// counts.
std::vector<Tool> ReadTools(JsonReader& body, std::string_view text, std::string_view name, ToolReader read);

// The tool of that name; `path` is where it is asked for, and a refusal repeats `shown` bytes of it.
const Tool& NamedTool(const std::vector<Tool>& tools, const std::string& name, const std::string& path,
                      size_t shown);

// Makes the tool's parameters a schema of an object, or refuses them with `refusal`.
void RequireObjectParameters(Tool& tool, std::string_view refusal);

// OpenAI's "tool_choice": none, auto, required, or an object that `read_object` reads.
void ReadToolChoice(JsonReader& body, void (*read_object)(const Json& choice, ToolUse& use), ToolUse& use);

}  // namespace puna
