#include "server/api/responses/response_tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/api/tool_reading.h"

namespace puna {
namespace {

constexpr size_t kMaxName = 64;
constexpr std::string_view kFunctionsOnly = "only tools of the type 'function' are";

void RequireFunction(JsonReader& reader) {
  if (reader.RequireString("type") != "function") RefuseUnsupported(reader.Path("type"), kFunctionsOnly);
}

const Tool& Named(const std::vector<Tool>& tools, JsonReader& reader) {
  return NamedTool(tools, reader.RequireString("name"), reader.Path("name"), kMaxName);
}

std::vector<Tool> Allowed(const std::vector<Tool>& tools, JsonReader& choice) {
  choice.Require("tools");
  const Json& names = *choice.Array("tools", "objects");
  if (names.empty()) RefuseValue(choice.Path("tools"), "the array must not be empty.");
  std::vector<Tool> allowed;
  for (size_t i = 0; i < names.size(); ++i) {
    JsonReader tool(names[i], fmt::format("{}[{}]", choice.Path("tools"), i));
    RequireFunction(tool);
    Tool named = Named(tools, tool);
    if (std::ranges::find(allowed, named.name, &Tool::name) == allowed.end())
      allowed.push_back(std::move(named));
  }
  return allowed;
}

void ReadChoiceObject(const Json& json, ToolUse& use) {
  JsonReader choice(json, "tool_choice");
  const std::string& type = choice.RequireString("type");
  if (type == "function") {
    use.tools = std::vector<Tool>{Named(use.tools, choice)};
    use.mode = ToolUse::Mode::kRequired;
  } else if (type == "allowed_tools") {
    choice.Require("mode");
    const bool automatic = *choice.Enum("mode", {"auto", "required"}) == "auto";
    use.tools = Allowed(use.tools, choice);
    use.mode = automatic ? ToolUse::Mode::kAuto : ToolUse::Mode::kRequired;
  } else {
    RefuseUnsupported(choice.Path("type"), "'function' and 'allowed_tools' are");
  }
}

Tool ReadTool(const std::string& path, const Json& json, const JsonValue& in_order) {
  JsonReader tool(json, path);
  RequireFunction(tool);
  Tool read = ReadFunction(tool, in_order);
  // Of programs that call tools, of which there are none.
  tool.Array("allowed_callers", "strings");
  tool.Object("output_schema");
  if (tool.Bool("defer_loading").value_or(false)) RefuseUnsupported(tool.Path("defer_loading"));
  // Strict unless it says otherwise, unlike those of chats.
  if (tool.Find("strict") == nullptr) read.strict = true;
  return read;
}

}  // namespace

ToolUse ReadResponseTools(JsonReader& body, std::string_view text) {
  ToolUse use;
  use.parallel = body.Bool("parallel_tool_calls").value_or(true);
  use.tools = ReadTools(body, text, "name", ReadTool);
  ReadToolChoice(body, ReadChoiceObject, use);
  return use;
}

}  // namespace puna
