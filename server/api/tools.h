#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/grammar/json_value.h"
#include "server/api/json_body.h"
#include "server/api/output_rules.h"
#include "tokenizer/chat_format.h"

namespace puna {

// A function that the model may call.
struct Tool {
  std::string name;
  JsonValue definition;  // as the prompt shows it: {"type": "function", "function": {...}}
  JsonValue parameters;  // a schema of an object
  std::string path;      // of the parameters in the request
  bool strict = false;
};

// What a request says of tools.
struct ToolUse {
  enum class Mode {
    kNone,      // no calls: there are no tools, or they are not to be used now
    kAuto,      // the model decides
    kRequired,  // at least one call
  };

  std::vector<Tool> tools;  // those that may be called
  Mode mode = Mode::kNone;
  bool parallel = true;  // several calls in one answer

  bool any() const { return mode != Mode::kNone; }
};

// One function: its name, description, parameters and strictness. `in_order` is the same value with its
// members in their order. Throws RequestError 400.
Tool ReadFunction(JsonReader& function, const JsonValue& in_order);

// tools, tool_choice and parallel_tool_calls of a chat. `text` is the body, whose order counts. Throws
// RequestError 400.
ToolUse ReadToolUse(JsonReader& body, std::string_view text);

// Shows the tools to the model as Llama 3.1 documents it for functions defined by the user: "Environment:
// ipython" begins the system message, and the definitions stand before the first message of the user.
void AddToolsToPrompt(const ToolUse& use, std::vector<ChatMessage>& messages);

// A call as the model writes it: {"name": ..., "parameters": ...}.
std::string CallText(std::string_view name, std::string_view arguments);

// The answers that these tools and `content` (nothing: any text) allow:
//
//   calls     {"name": "...", "parameters": {...}}, further ones after "; ", or the same after <|python_tag|>
//   required  calls
//   auto      calls, or a text that does not begin as a call does; where `content` is JSON itself, calls
//   begin
//             with <|python_tag|>
//
// REQUIRES: use.any().
OutputRules ToolRules(const ToolUse& use, const std::optional<OutputRules>& content);

inline constexpr size_t kMaxTools = 128;
inline constexpr int kMaxCalls = 32;  // in one answer

}  // namespace puna
