#include "server/api/chat_request.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace puna {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kRoles = {{
    {"system", "system"},
    {"developer", "system"},
    {"user", "user"},
    {"assistant", "assistant"},
    {"tool", "ipython"},
    {"function", "ipython"},
}};

std::string ReadRole(JsonReader& message) {
  const Json& role = message.Require("role");
  if (!role.is_string()) RefuseType(message.Path("role"), "a string", role);
  const auto& name = role.get_ref<const std::string&>();
  for (const auto& [ours, llamas] : kRoles)
    if (name == ours) return std::string(llamas);
  RefuseValue(
      message.Path("role"),
      fmt::format("unknown role '{}'. Supported are: 'system', 'developer', 'user', 'assistant', 'tool', "
                  "'function'.",
                  Printable(name, 40)));
}

std::string ReadPart(const std::string& path, const Json& part, bool by_assistant) {
  JsonReader reader(part, path);
  const Json& type = reader.Require("type");
  if (!type.is_string()) RefuseType(reader.Path("type"), "a string", type);
  const auto& name = type.get_ref<const std::string&>();
  if (name != "text" && !(by_assistant && name == "refusal")) {
    RefuseValue(reader.Path("type"),
                fmt::format("parts of type '{}' are not supported: this model reads text only.",
                            Printable(name, 40)));
  }
  const Json& text = reader.Require(name);
  if (!text.is_string()) RefuseType(reader.Path(name), "a string", text);
  return text.get<std::string>();
}

std::string ReadContent(const std::string& path, const Json& content, bool by_assistant) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) RefuseType(path, "a string or an array of parts", content);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i)
    text += ReadPart(fmt::format("{}[{}]", path, i), content[i], by_assistant);
  return text;
}

// Set to something that is more than nothing.
bool IsSet(const Json* value) {
  return value != nullptr && !(value->is_array() && value->empty()) &&
         !(value->is_object() && value->empty());
}

ChatMessage ReadMessage(const std::string& path, const Json& json) {
  JsonReader message(json, path);
  ChatMessage read;
  read.role = ReadRole(message);
  const bool by_assistant = read.role == "assistant";
  message.String("name");
  if (by_assistant) {
    for (const char* call : {"tool_calls", "function_call", "audio"})
      if (IsSet(message.Find(call))) RefuseUnsupported(message.Path(call));
    // What an earlier answer of ours had as null, and another server's may have as text in place of content.
    if (const auto refusal = message.String("refusal"); refusal && message.Find("content") == nullptr) {
      read.content = *refusal;
      return read;
    }
  }
  read.content = ReadContent(message.Path("content"), message.Require("content"), by_assistant);
  return read;
}

std::vector<ChatMessage> ReadMessages(JsonReader& body) {
  const Json& messages = body.Require("messages");
  if (!messages.is_array()) RefuseType("messages", "an array of objects", messages);
  if (messages.empty()) {
    throw RequestError(
        400,
        "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty "
        "array instead.",
        "messages", "empty_array");
  }
  std::vector<ChatMessage> read;
  read.reserve(messages.size());
  for (size_t i = 0; i < messages.size(); ++i)
    read.push_back(ReadMessage(fmt::format("messages[{}]", i), messages[i]));
  return read;
}

std::optional<int> ReadMaxTokens(JsonReader& body) {
  const auto old_name = ReadTokenLimit(body, "max_tokens", 1);
  const auto new_name = ReadTokenLimit(body, "max_completion_tokens", 1);
  if (old_name && new_name && *old_name != *new_name) {
    RefuseValue("max_tokens",
                "it differs from 'max_completion_tokens', its newer name. Please set one of the two.");
  }
  return new_name ? new_name : old_name;
}

void CheckTools(JsonReader& body) {
  for (const char* name : {"tools", "functions"}) {
    const Json* tools = body.Find(name);
    if (tools == nullptr) continue;
    if (!tools->is_array()) RefuseType(name, "an array of objects", *tools);
    if (!tools->empty()) RefuseUnsupported(name);
  }
  for (const char* name : {"tool_choice", "function_call"}) {
    const Json* choice = body.Find(name);
    if (choice != nullptr && *choice != "none" && *choice != "auto")
      RefuseUnsupported(name, "without tools it can only be 'none' or 'auto'");
  }
  body.Bool("parallel_tool_calls");
}

void CheckFormat(JsonReader& body) {
  const Json* format = body.Find("response_format");
  if (format != nullptr) {
    JsonReader reader(*format, "response_format");
    const Json& type = reader.Require("type");
    if (!type.is_string()) RefuseType("response_format.type", "a string", type);
    if (type != "text") RefuseUnsupported("response_format", "only the type 'text' is");
  }
  const Json* modalities = body.Find("modalities");
  if (modalities != nullptr && *modalities != Json::array({"text"})) {
    if (!modalities->is_array()) RefuseType("modalities", "an array of strings", *modalities);
    RefuseUnsupported("modalities", "only [\"text\"] is");
  }
  for (const char* name : {"audio", "web_search_options"})
    if (body.Find(name) != nullptr) RefuseUnsupported(name);
}

void ReadLogprobs(JsonReader& body, AnswerOptions& options) {
  options.logprobs = body.Bool("logprobs").value_or(false);
  const auto top = static_cast<int>(body.Integer("top_logprobs", 0, 20).value_or(0));
  if (top > 0 && !options.logprobs)
    RefuseValue("top_logprobs", "it is only allowed when 'logprobs' is true.");
  if (options.logprobs) options.sampling.top_logprobs = top;
}

}  // namespace

ChatRequest ParseChatRequest(std::string_view text, int vocab_size, std::vector<std::string>& unknown) {
  const Json json = ParseJsonBody(text);
  JsonReader body(json);
  ChatRequest request;
  request.options = ReadAnswerOptions(body, vocab_size);
  request.messages = ReadMessages(body);
  request.max_tokens = ReadMaxTokens(body);
  CheckTools(body);
  CheckFormat(body);
  ReadLogprobs(body, request.options);
  // About accounts, caches, speed, and thinking, which these models do not do: no effect on the answer.
  body.Ignore({"metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
               "prompt_cache_retention", "prediction", "reasoning_effort", "verbosity"});
  unknown = body.Unread();
  return request;
}

}  // namespace puna
