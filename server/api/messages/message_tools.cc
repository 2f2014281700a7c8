#include "server/api/messages/message_tools.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "server/api/tool_reading.h"

namespace puna {
namespace {

constexpr size_t kMaxName = 128;

JsonValue Definition(const Tool& tool, const std::optional<std::string>& description) {
  JsonValue function = JsonValue::Object();
  function.members.emplace_back("name", JsonValue::String(tool.name));
  if (description) function.members.emplace_back("description", JsonValue::String(*description));
  function.members.emplace_back("parameters", tool.parameters);
  JsonValue definition = JsonValue::Object();
  definition.members.emplace_back("type", JsonValue::String("function"));
  definition.members.emplace_back("function", std::move(function));
  return definition;
}

Tool ReadTool(const std::string& path, const Json& json, const JsonValue& in_order) {
  JsonReader reader(json, path);
  if (reader.String("type").value_or("custom") != "custom") {
    RefuseUnsupported(
        reader.Path("type"),
        "tools are those whose 'input_schema' the request says, without a type or of the type 'custom'");
  }
  Tool tool;
  tool.name = reader.RequireIdentifier("name", kMaxName);
  tool.path = reader.Path("input_schema");
  tool.strict = reader.Bool("strict").value_or(false);
  const auto description = reader.String("description");
  reader.Require("input_schema");
  reader.Object("input_schema");
  tool.parameters = *in_order.Find("input_schema");
  RequireObjectParameters(tool, "the input of a tool is an object.");
  tool.definition = Definition(tool, description);
  return tool;
}

void ReadChoice(JsonReader& body, ToolUse& use) {
  if (!use.tools.empty()) use.mode = ToolUse::Mode::kAuto;
  const Json* json = body.Find("tool_choice");
  if (json == nullptr) return;
  JsonReader choice(*json, "tool_choice");
  choice.Require("type");
  const std::string type = *choice.Enum("type", {"auto", "any", "tool", "none"});
  use.parallel = !choice.Bool("disable_parallel_tool_use").value_or(false);
  if (type == "none") use.mode = ToolUse::Mode::kNone;
  if (type == "auto" || type == "none") return;
  if (use.tools.empty()) RefuseValue("tool_choice", fmt::format("'{}' needs 'tools'.", type));
  use.mode = ToolUse::Mode::kRequired;
  if (type == "any") return;
  use.tools =
      std::vector<Tool>{NamedTool(use.tools, choice.RequireString("name"), "tool_choice.name", kMaxName)};
}

}  // namespace

ToolUse ReadMessageTools(JsonReader& body, std::string_view text) {
  ToolUse use;
  use.tools = ReadTools(body, text, "name", ReadTool);
  ReadChoice(body, use);
  return use;
}

}  // namespace puna
