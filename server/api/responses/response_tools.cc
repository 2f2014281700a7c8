#include "server/api/responses/response_tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace puna {
namespace {

constexpr std::string_view kFunctionsOnly = "only tools of the type 'function' are";

void RequireFunction(JsonReader& reader) {
  if (reader.RequireString("type") != "function") RefuseUnsupported(reader.Path("type"), kFunctionsOnly);
}

Tool Named(const std::vector<Tool>& tools, JsonReader& reader) {
  const std::string& name = reader.RequireString("name");
  const auto found = std::ranges::find(tools, name, &Tool::name);
  if (found == tools.end())
    RefuseValue(reader.Path("name"), fmt::format("there is no tool '{}'.", Printable(name, 64)));
  return *found;
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
    use.tools = {Named(use.tools, choice)};
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

void ReadChoice(JsonReader& body, ToolUse& use) {
  if (!use.tools.empty()) use.mode = ToolUse::Mode::kAuto;
  const Json* choice = body.Find("tool_choice");
  if (choice == nullptr) return;
  if (choice->is_object()) return ReadChoiceObject(*choice, use);
  if (!choice->is_string()) RefuseType("tool_choice", "a string or an object", *choice);
  const std::string mode = *body.Enum("tool_choice", {"none", "auto", "required"});
  if (mode == "none") use.mode = ToolUse::Mode::kNone;
  if (mode == "required" && use.tools.empty()) RefuseValue("tool_choice", "'required' needs 'tools'.");
  if (mode == "required") use.mode = ToolUse::Mode::kRequired;
}

}  // namespace

ToolUse ReadResponseTools(JsonReader& body, std::string_view text) {
  ToolUse use;
  use.parallel = body.Bool("parallel_tool_calls").value_or(true);
  const Json* tools = body.Array("tools", "objects");
  if (tools != nullptr && !tools->empty()) {
    if (tools->size() > kMaxTools)
      RefuseValue("tools", fmt::format("at most {} tools, but got {}.", kMaxTools, tools->size()));
    const JsonValue ordered = ParseJson(text);
    for (size_t i = 0; i < tools->size(); ++i) {
      const std::string path = fmt::format("tools[{}]", i);
      JsonReader tool((*tools)[i], path);
      RequireFunction(tool);
      Tool read = ReadFunction(tool, ordered.Find("tools")->items[i]);
      // Of programs that call tools, of which there are none.
      tool.Array("allowed_callers", "strings");
      tool.Object("output_schema");
      if (tool.Bool("defer_loading").value_or(false)) RefuseUnsupported(tool.Path("defer_loading"));
      // Strict unless it says otherwise, unlike those of chats.
      if (tool.Find("strict") == nullptr) read.strict = true;
      if (std::ranges::find(use.tools, read.name, &Tool::name) != use.tools.end())
        RefuseValue(path + ".name", fmt::format("the name '{}' is taken.", read.name));
      use.tools.push_back(std::move(read));
    }
  }
  ReadChoice(body, use);
  return use;
}

}  // namespace puna
