#include "server/api/chat_request.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "server/answer_text.h"

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

[[noreturn]] void RefuseEmptyArray(const std::string& path) {
  throw RequestError(
      400,
      fmt::format("Invalid '{}': empty array. Expected an array with minimum length 1, but got "
                  "an empty array instead.",
                  path),
      path, "empty_array");
}

std::string ReadRole(JsonReader& message) {
  const std::string& name = message.RequireString("role");
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
  const std::string& name = reader.RequireString("type");
  if (name != "text" && !(by_assistant && name == "refusal")) {
    RefuseValue(reader.Path("type"),
                fmt::format("parts of type '{}' are not supported: this model reads text only.",
                            Printable(name, 40)));
  }
  return reader.RequireString(name);
}

std::string ReadContent(const std::string& path, const Json& content, bool by_assistant) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) RefuseType(path, "a string or an array of parts", content);
  if (content.empty()) RefuseEmptyArray(path);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i)
    text += ReadPart(fmt::format("{}[{}]", path, i), content[i], by_assistant);
  return text;
}

std::string ReadCalledFunction(JsonReader function) {
  const std::string& name = function.RequireString("name");
  return CallText(name, function.RequireString("arguments"));
}

// What an assistant called, as it wrote it; "" if it did not.
std::string ReadCalls(JsonReader& message) {
  if (message.Object("audio") != nullptr) RefuseUnsupported(message.Path("audio"));
  if (const Json* call = message.Object("function_call"))
    return ReadCalledFunction(JsonReader(*call, message.Path("function_call")));
  const Json* calls = message.Array("tool_calls", "objects");
  std::string text;
  for (size_t i = 0; calls != nullptr && i < calls->size(); ++i) {
    JsonReader call((*calls)[i], fmt::format("{}[{}]", message.Path("tool_calls"), i));
    call.String("id");
    const std::string& type = call.RequireString("type");
    if (type != "function") RefuseUnsupported(call.Path("type"), "only calls of the type 'function' are");
    text += i > 0 ? "; " : "";
    text += ReadCalledFunction(JsonReader(call.Require("function"), call.Path("function")));
  }
  return text;
}

ChatMessage ReadMessage(const std::string& path, const Json& json) {
  JsonReader message(json, path);
  ChatMessage read;
  read.role = ReadRole(message);
  const bool by_assistant = read.role == "assistant";
  message.String("name");
  if (json.at("role") == "tool") message.RequireString("tool_call_id");
  if (json.at("role") == "function") message.RequireString("name");
  std::string calls;
  if (by_assistant) {
    calls = ReadCalls(message);
    if (!calls.empty() && message.Find("content") == nullptr) {
      read.content = std::move(calls);
      return read;
    }
    // What an earlier answer of ours had as null, and another server's may have as text in place of content.
    if (const auto refusal = message.String("refusal"); refusal && message.Find("content") == nullptr) {
      read.content = *refusal;
      return read;
    }
  }
  // An assistant that said nothing, and a function that gave nothing back.
  const bool may_be_null = by_assistant || json.at("role") == "function";
  if (may_be_null && json.contains("content") && message.Find("content") == nullptr) return read;
  read.content = ReadContent(message.Path("content"), message.Require("content"), by_assistant);
  if (!calls.empty()) read.content += (read.content.empty() ? "" : "\n") + calls;
  return read;
}

}  // namespace

std::vector<ChatMessage> ReadMessages(JsonReader& body) {
  const Json& messages = body.Require("messages");
  if (!messages.is_array()) RefuseType("messages", "an array of objects", messages);
  if (messages.empty()) RefuseEmptyArray("messages");
  std::vector<ChatMessage> read;
  read.reserve(messages.size());
  for (size_t i = 0; i < messages.size(); ++i)
    read.push_back(ReadMessage(fmt::format("messages[{}]", i), messages[i]));
  return read;
}

namespace {

std::optional<int> ReadMaxTokens(JsonReader& body) {
  const auto old_name = ReadTokenLimit(body, "max_tokens", 1);
  const auto new_name = ReadTokenLimit(body, "max_completion_tokens", 1);
  if (old_name && new_name && *old_name != *new_name) {
    RefuseValue("max_tokens",
                "it differs from 'max_completion_tokens', its newer name. Please set one of the two.");
  }
  return new_name ? new_name : old_name;
}

// The older names of tools and tool_choice.
void RefuseFunctions(JsonReader& body) {
  const Json* functions = body.Array("functions", "objects");
  if (functions != nullptr && !functions->empty())
    RefuseUnsupported("functions", "'tools', which took its place, is");
  const Json* choice = body.Find("function_call");
  if (choice != nullptr && *choice != "none" && *choice != "auto")
    RefuseUnsupported("function_call", "'tool_choice', which took its place, is");
}

// What the answer must look like, by all that says something of it.
std::optional<OutputRules> ReadRules(JsonReader& body, std::string_view text, const ToolUse& tools) {
  std::optional<OutputRules> rules =
      OrGuidedRules(ReadResponseFormat(body, text), "response_format", body, text);
  return tools.any() ? ToolRules(tools, rules) : rules;
}

void CheckModalities(JsonReader& body) {
  const Json* modalities = body.Find("modalities");
  if (modalities != nullptr && *modalities != Json::array({"text"})) {
    if (!modalities->is_array()) RefuseType("modalities", "an array of strings", *modalities);
    RefuseUnsupported("modalities", "only [\"text\"] is");
  }
  for (const char* name : {"audio", "moderation", "web_search_options"})
    if (body.Object(name) != nullptr) RefuseUnsupported(name);
}

void ReadLogprobs(JsonReader& body, AnswerOptions& options) {
  options.logprobs = body.Bool("logprobs").value_or(false);
  const auto top = static_cast<int>(body.Integer("top_logprobs", 0, 20).value_or(0));
  if (top > 0 && !options.logprobs)
    RefuseValue("top_logprobs", "it is only allowed when 'logprobs' is true.");
  if (options.logprobs) options.sampling.top_logprobs = top;
}

// About accounts, storage, caches, speed, and thinking, which these models do not do.
void CheckWhatHasNoEffect(JsonReader& body) {
  if (const Json* metadata = body.Object("metadata")) {
    JsonReader reader(*metadata, "metadata");
    for (const auto& [key, value] : metadata->items()) reader.String(key);
  }
  body.Bool("store");
  body.Enum("service_tier", {"auto", "default", "flex", "scale", "priority", "fast"});
  constexpr size_t kMaxIdentifier = 64;
  if (CountCharacters(body.String("safety_identifier").value_or("")) > kMaxIdentifier)
    RefuseValue("safety_identifier", fmt::format("it may have {} characters.", kMaxIdentifier));
  body.String("prompt_cache_key");
  body.Enum("prompt_cache_retention", {"in_memory", "in-memory", "24h"});
  body.Object("prompt_cache_options");
  body.Enum("reasoning_effort", {"none", "minimal", "low", "medium", "high", "xhigh", "max"});
  body.Enum("verbosity", {"low", "medium", "high"});
  if (const Json* prediction = body.Object("prediction")) {
    JsonReader reader(*prediction, "prediction");
    reader.Require("type");
    reader.Enum("type", {"content"});
    ReadContent("prediction.content", reader.Require("content"), /*by_assistant=*/false);
  }
}

}  // namespace

std::vector<TokenId> ChatPrompt(const ServedModel& model, std::span<const ChatMessage> messages,
                                std::string_view param) {
  try {
    return EncodeChat(model.chat_format, model.tokenizer, messages);
  } catch (const ChatError& error) {
    const bool base = model.chat_format == ChatFormat::kNone;
    throw RequestError(400, error.what(), std::string(base ? "model" : param),
                       base ? "model_has_no_chat_format" : "invalid_value");
  }
}

ChatRequest ParseChatRequest(std::string_view text, int vocab_size, std::vector<std::string>& unknown) {
  const Json json = ParseJsonBody(text);
  JsonReader body(json);
  ChatRequest request;
  request.options = ReadAnswerOptions(body, vocab_size);
  request.messages = ReadMessages(body);
  request.max_tokens = ReadMaxTokens(body);
  const ToolUse tools = ReadToolUse(body, text);
  request.calls = tools.any();
  AddToolsToPrompt(tools, request.messages);
  request.options.rules = ReadRules(body, text, tools);
  RefuseFunctions(body);
  CheckModalities(body);
  ReadLogprobs(body, request.options);
  CheckWhatHasNoEffect(body);
  unknown = body.Unread();
  return request;
}

}  // namespace puna
