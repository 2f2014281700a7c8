#include "server/api/messages/message_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "engine/grammar/json_value.h"
#include "server/api/messages/message_tools.h"
#include "server/api/output_rules.h"
#include "server/error_form.h"

namespace puna {
namespace {

constexpr size_t kMaxStops = 64;
constexpr int kMaxInt = std::numeric_limits<int>::max();

std::vector<std::string> ReadStops(JsonReader& body) {
  std::vector<std::string> stops;
  const Json* sequences = body.Array("stop_sequences", "strings");
  if (sequences == nullptr) return stops;
  if (sequences->size() > kMaxStops)
    RefuseValue("stop_sequences",
                fmt::format("at most {} are supported, but got {}.", kMaxStops, sequences->size()));
  for (size_t i = 0; i < sequences->size(); ++i) {
    const Json& stop = (*sequences)[i];
    const std::string path = fmt::format("stop_sequences[{}]", i);
    if (!stop.is_string()) RefuseType(path, "a string", stop);
    stops.push_back(stop.get<std::string>());
    if (stops.back().empty()) RefuseValue(path, "a stop sequence must not be empty.");
  }
  return stops;
}

// Greedy unless asked otherwise, as in chats of OpenAI's form.
SamplingParams ReadSampling(JsonReader& body) {
  SamplingParams sampling;
  if (const auto temperature = body.Number("temperature", 0, 1))
    sampling.temperature = static_cast<float>(*temperature);
  // 0 is the least that holds anything: the most probable token alone.
  if (const auto top_p = body.Number("top_p", 0, 1))
    sampling.top_p = std::max(static_cast<float>(*top_p), std::numeric_limits<float>::min());
  if (const auto top_k = body.Integer("top_k", 0, kMaxInt)) sampling.top_k = static_cast<int>(*top_k);
  return sampling;
}

// A JSON schema at body[path...]["schema"], in the order of the body.
OutputRules ReadFormat(const Json& json, std::string_view text, std::vector<std::string_view> path) {
  const std::string name = fmt::format("{}", fmt::join(path, "."));
  JsonReader format(json, name);
  format.Require("type");
  format.Enum("type", {"json_schema"});
  format.Require("schema");
  format.Object("schema");
  const JsonValue body = ParseJson(text);
  const JsonValue* schema = &body;
  path.push_back("schema");
  for (const std::string_view member : path) schema = schema->Find(member);
  return SchemaRules(std::string(path.front()), name + ".schema", *schema, /*strict=*/false);
}

// output_config, and output_format, which was the name of its format before.
std::optional<OutputRules> ReadRules(JsonReader& body, std::string_view text) {
  std::optional<OutputRules> rules;
  if (const Json* json = body.Find("output_config")) {
    JsonReader config(*json, "output_config");
    // How much to think and say; these models do not think first.
    config.Enum("effort", {"low", "medium", "high", "xhigh", "max"});
    if (const Json* format = config.Find("format"))
      rules = ReadFormat(*format, text, {"output_config", "format"});
  }
  if (const Json* format = body.Find("output_format")) {
    if (rules) RefuseValue("output_format", "it cannot be used together with 'output_config.format'.");
    rules = ReadFormat(*format, text, {"output_format"});
  }
  return rules;
}

// May be thought about before an answer; a model that never does gives the same answer for all of them.
void CheckThinking(JsonReader& body) {
  const Json* json = body.Find("thinking");
  if (json == nullptr) return;
  JsonReader thinking(*json, "thinking");
  thinking.Require("type");
  thinking.Enum("type", {"disabled", "enabled", "adaptive", "between_tools"});
  thinking.Integer("budget_tokens", 0, kMaxInt);
  thinking.Enum("display", {"summarized", "omitted"});
}

// What Anthropic would do with things that are kept or run on its side.
void RefuseWhatIsNotHere(JsonReader& body) {
  if (body.Find("thread") != nullptr) {
    throw RequestError(
        400, "Unsupported parameter: 'thread' is not supported by this server; send the whole conversation.",
        "thread", std::string(kThreadUnsupported));
  }
  for (const char* name : {"container", "compaction"})
    if (body.Find(name) != nullptr) RefuseUnsupported(name);
  const Json* servers = body.Array("mcp_servers", "objects");
  if (servers != nullptr && !servers->empty())
    RefuseUnsupported("mcp_servers", "their tools can be given as 'tools'");
}

// About accounts, places, prices, caches and speed, and edits of a context that has grown too long.
void CheckWhatHasNoEffect(JsonReader& body) {
  if (const Json* metadata = body.Object("metadata")) JsonReader(*metadata, "metadata").String("user_id");
  body.Enum("service_tier", {"auto", "standard_only"});
  for (const char* name : {"cache_control", "context_management", "diagnostics"}) body.Object(name);
  for (const char* name : {"inference_geo", "speed", "user_profile_id", "workspace_id"}) body.String(name);
  for (const char* name : {"betas", "billing_policy", "fallbacks", "fallback_credit_token"}) body.Find(name);
}

}  // namespace

MessageRequest ParseMessageRequest(std::string_view text, MessagePurpose purpose,
                                   std::vector<std::string>& unknown) {
  const Json json = ParseJsonBody(text);
  JsonReader body(json);
  MessageRequest request;
  request.options.model = body.RequireString("model");
  request.conversation = ReadConversation(body, text);
  if (purpose == MessagePurpose::kAnswer) body.Require("max_tokens");
  request.max_tokens = static_cast<int>(body.Integer("max_tokens", 1, kMaxInt).value_or(0));
  request.options.stop = ReadStops(body);
  request.options.sampling = ReadSampling(body);
  request.options.stream = body.Bool("stream").value_or(false);
  const ToolUse tools = ReadMessageTools(body, text);
  request.calls = tools.any();
  AddToolsToPrompt(tools, request.conversation.messages);
  request.options.rules = ReadRules(body, text);
  if (tools.any()) request.options.rules = ToolRules(tools, request.options.rules);
  CheckThinking(body);
  RefuseWhatIsNotHere(body);
  CheckWhatHasNoEffect(body);
  unknown = body.Unread();
  return request;
}

}  // namespace puna
