#include "server/api/tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/api/tool_reading.h"

namespace puna {
namespace {

constexpr size_t kMaxName = 64;

constexpr std::string_view kInstructions =
    "Given the following functions, please respond with a JSON for a function call with its proper arguments "
    "that best answers the given prompt.\n\nRespond in the format {\"name\": function name, \"parameters\": "
    "dictionary of argument name and its value}. Do not use variables.\n\n";

// With four blanks more for each level, as the definitions of Llama 3.1's documentation.
std::string Indented(const JsonValue& value, size_t level = 0) {
  const bool object = value.is(JsonValue::Type::kObject);
  if (object ? value.members.empty() : value.items.empty()) return value.Dump();
  const std::string line = "\n" + std::string((level + 1) * 4, ' ');
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : ",") + line + part; };
  for (const JsonValue& item : value.items) add(Indented(item, level + 1));
  for (const auto& [name, member] : value.members) add(JsonQuoted(name) + ": " + Indented(member, level + 1));
  return (object ? "{" : "[") + out + line.substr(0, line.size() - 4) + (object ? "}" : "]");
}

void RequireFunction(JsonReader& reader) {
  const std::string& type = reader.RequireString("type");
  if (type == "custom") RefuseUnsupported(reader.Path("custom"), "only tools of the type 'function' are");
  if (type != "function") RefuseUnsupported(reader.Path("type"), "only tools of the type 'function' are");
}

// The definition as the prompt shows it: of the function what it is called, what it does and what it takes.
JsonValue Definition(const Tool& tool, const JsonValue& function) {
  JsonValue shown = JsonValue::Object();
  shown.members.emplace_back("name", JsonValue::String(tool.name));
  for (const char* name : {"description", "parameters"})
    if (const JsonValue* value = function.Find(name); value != nullptr && !value->is(JsonValue::Type::kNull))
      shown.members.emplace_back(name, *value);
  JsonValue definition = JsonValue::Object();
  definition.members.emplace_back("type", JsonValue::String("function"));
  definition.members.emplace_back("function", std::move(shown));
  return definition;
}

Tool ReadTool(const std::string& path, const Json& json, const JsonValue& ordered) {
  JsonReader reader(json, path);
  RequireFunction(reader);
  JsonReader function(reader.Require("function"), reader.Path("function"));
  return ReadFunction(function, *ordered.Find("function"));
}

std::string ReadFunctionName(JsonReader& reader) {
  JsonReader function(reader.Require("function"), reader.Path("function"));
  return function.RequireString("name");
}

// An object in tool_choice: one function, or some.
void ReadChoiceObject(const Json& choice, ToolUse& use) {
  JsonReader reader(choice, "tool_choice");
  if (reader.Require("type") == "custom")
    RefuseUnsupported("tool_choice.custom", "only tools of the type 'function' are");
  const std::string type = *reader.Enum("type", {"function", "allowed_tools"});
  std::vector<Tool> kept;
  if (type == "function") {
    use.mode = ToolUse::Mode::kRequired;
    kept.push_back(NamedTool(use.tools, ReadFunctionName(reader), "tool_choice.function.name", kMaxName));
  } else {
    JsonReader allowed(reader.Require("allowed_tools"), reader.Path("allowed_tools"));
    allowed.Require("mode");
    use.mode = *allowed.Enum("mode", {"auto", "required"}) == "auto" ? ToolUse::Mode::kAuto
                                                                     : ToolUse::Mode::kRequired;
    allowed.Require("tools");
    const Json& tools = *allowed.Array("tools", "objects");
    for (size_t i = 0; i < tools.size(); ++i) {
      JsonReader tool(tools[i], fmt::format("{}[{}]", allowed.Path("tools"), i));
      RequireFunction(tool);
      kept.push_back(NamedTool(use.tools, ReadFunctionName(tool), tool.Path("function.name"), kMaxName));
    }
    if (kept.empty()) RefuseValue(allowed.Path("tools"), "the array must not be empty.");
  }
  use.tools = std::move(kept);
}

}  // namespace

Tool ReadFunction(JsonReader& function, const JsonValue& in_order) {
  Tool tool;
  tool.name = function.RequireIdentifier("name", kMaxName);
  tool.path = function.Path("parameters");
  function.String("description");
  tool.strict = function.Bool("strict").value_or(false);
  tool.definition = Definition(tool, in_order);
  // A function that says nothing of its parameters takes none.
  const Json* parameters = function.Object("parameters");
  tool.parameters = parameters == nullptr ? JsonValue::Object() : *in_order.Find("parameters");
  if (parameters == nullptr || parameters->empty()) {
    tool.parameters.members.emplace_back("type", JsonValue::String("object"));
    tool.strict = true;
  }
  RequireObjectParameters(tool, "the parameters of a function are an object.");
  return tool;
}

ToolUse ReadToolUse(JsonReader& body, std::string_view text) {
  ToolUse use;
  use.parallel = body.Bool("parallel_tool_calls").value_or(true);
  use.tools = ReadTools(body, text, "function.name", ReadTool);
  ReadToolChoice(body, ReadChoiceObject, use);
  return use;
}

void AddToolsToPrompt(const ToolUse& use, std::vector<ChatMessage>& messages) {
  if (!use.any()) return;
  if (messages.empty() || messages.front().role != "system")
    messages.insert(messages.begin(), {"system", ""});
  ChatMessage& system = messages.front();
  system.content =
      system.content.empty() ? "Environment: ipython" : "Environment: ipython\n" + system.content;
  std::string shown(kInstructions);
  for (const Tool& tool : use.tools) shown += Indented(tool.definition) + "\n\n";
  const auto user = std::ranges::find(messages, "user", &ChatMessage::role);
  if (user != messages.end()) {
    user->content.insert(0, shown);
  } else {
    system.content += "\n" + shown;
  }
}

std::string CallText(std::string_view name, std::string_view arguments) {
  return fmt::format("{{\"name\": {}, \"parameters\": {}}}", JsonQuoted(name), arguments);
}

}  // namespace puna
