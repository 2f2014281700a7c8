#include "server/api/messages/message_tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace puna {
namespace {

constexpr size_t kMaxName = 128;

std::string ReadName(JsonReader& tool) {
  tool.Require("name");
  std::string name = *tool.String("name");
  const bool usual =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
      std::string::npos;
  if (name.empty() || name.size() > kMaxName || !usual) {
    RefuseValue(tool.Path("name"),
                fmt::format("expected 1 to {} letters, digits, underscores and dashes.", kMaxName));
  }
  return name;
}

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
  tool.name = ReadName(reader);
  tool.path = reader.Path("input_schema");
  tool.strict = reader.Bool("strict").value_or(false);
  const auto description = reader.String("description");
  reader.Require("input_schema");
  reader.Object("input_schema");
  tool.parameters = *in_order.Find("input_schema");
  const JsonValue* type = tool.parameters.Find("type");
  if (type == nullptr) {
    tool.parameters.members.emplace_back("type", JsonValue::String("object"));
  } else if (type->text != "object") {
    RefuseValue(tool.path + ".type", "the input of a tool is an object.");
  }
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
  choice.Require("name");
  const std::string name = *choice.String("name");
  const auto named = std::ranges::find(use.tools, name, &Tool::name);
  if (named == use.tools.end())
    RefuseValue("tool_choice.name", fmt::format("there is no tool '{}'.", Printable(name, kMaxName)));
  use.tools = std::vector<Tool>{*named};
}

}  // namespace

ToolUse ReadMessageTools(JsonReader& body, std::string_view text) {
  ToolUse use;
  const Json* tools = body.Array("tools", "objects");
  if (tools != nullptr && !tools->empty()) {
    if (tools->size() > kMaxTools)
      RefuseValue("tools", fmt::format("at most {} tools, but got {}.", kMaxTools, tools->size()));
    const JsonValue in_order = ParseJson(text);
    for (size_t i = 0; i < tools->size(); ++i) {
      const std::string path = fmt::format("tools[{}]", i);
      Tool tool = ReadTool(path, (*tools)[i], in_order.Find("tools")->items[i]);
      if (std::ranges::find(use.tools, tool.name, &Tool::name) != use.tools.end())
        RefuseValue(path + ".name", fmt::format("the name '{}' is taken.", tool.name));
      use.tools.push_back(std::move(tool));
    }
  }
  ReadChoice(body, use);
  return use;
}

}  // namespace puna
