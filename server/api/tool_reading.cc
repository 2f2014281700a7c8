#include "server/api/tool_reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace puna {

std::vector<Tool> ReadTools(JsonReader& body, std::string_view text, std::string_view name, ToolReader read) {
  std::vector<Tool> all;
  const Json* tools = body.Array("tools", "objects");
  if (tools == nullptr || tools->empty()) return all;
  if (tools->size() > kMaxTools)
    RefuseValue("tools", fmt::format("at most {} tools, but got {}.", kMaxTools, tools->size()));
  const JsonValue in_order = ParseJson(text);
  for (size_t i = 0; i < tools->size(); ++i) {
    const std::string path = fmt::format("tools[{}]", i);
    Tool tool = read(path, (*tools)[i], in_order.Find("tools")->items[i]);
    if (std::ranges::find(all, tool.name, &Tool::name) != all.end())
      RefuseValue(fmt::format("{}.{}", path, name), fmt::format("the name '{}' is taken.", tool.name));
    all.push_back(std::move(tool));
  }
  return all;
}

const Tool& NamedTool(const std::vector<Tool>& tools, const std::string& name, const std::string& path,
                      size_t shown) {
  const auto found = std::ranges::find(tools, name, &Tool::name);
  if (found == tools.end()) RefuseValue(path, fmt::format("there is no tool '{}'.", Printable(name, shown)));
  return *found;
}

void RequireObjectParameters(Tool& tool, std::string_view refusal) {
  const JsonValue* type = tool.parameters.Find("type");
  if (type == nullptr) {
    tool.parameters.members.emplace_back("type", JsonValue::String("object"));
  } else if (type->text != "object") {
    RefuseValue(tool.path + ".type", std::string(refusal));
  }
}

void ReadToolChoice(JsonReader& body, void (*read_object)(const Json& choice, ToolUse& use), ToolUse& use) {
  if (!use.tools.empty()) use.mode = ToolUse::Mode::kAuto;
  const Json* choice = body.Find("tool_choice");
  if (choice == nullptr) return;
  if (choice->is_object()) return read_object(*choice, use);
  if (!choice->is_string()) RefuseType("tool_choice", "a string or an object", *choice);
  const std::string mode = *body.Enum("tool_choice", {"none", "auto", "required"});
  if (mode == "none") use.mode = ToolUse::Mode::kNone;
  if (mode == "required" && use.tools.empty()) RefuseValue("tool_choice", "'required' needs 'tools'.");
  if (mode == "required") use.mode = ToolUse::Mode::kRequired;
}

}  // namespace puna
