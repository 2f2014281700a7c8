#include "server/api/responses/response_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "server/answer_text.h"
#include "server/api/responses/response_tools.h"
#include "server/api/responses/text_format.h"

namespace puna {
namespace {

constexpr std::string_view kLogprobs = "message.output_text.logprobs";

// What may be added to an answer. All but the first speak of what is never in ours.
constexpr std::array<std::string_view, 8> kIncludable = {kLogprobs,
                                                         "reasoning.encrypted_content",
                                                         "file_search_call.results",
                                                         "web_search_call.results",
                                                         "web_search_call.action.sources",
                                                         "message.input_image.image_url",
                                                         "computer_call_output.output.image_url",
                                                         "code_interpreter_call.outputs"};

bool WantsLogprobs(JsonReader& body) {
  const Json* include = body.Array("include", "strings");
  bool wanted = false;
  for (size_t i = 0; include != nullptr && i < include->size(); ++i) {
    const std::string path = fmt::format("include[{}]", i);
    const Json& what = (*include)[i];
    if (!what.is_string()) RefuseType(path, "a string", what);
    const auto& name = what.get_ref<const std::string&>();
    if (std::ranges::find(kIncludable, name) == kIncludable.end())
      RefuseValue(path, fmt::format("'{}' is nothing that can be included.", Printable(name, 40)));
    wanted |= name == kLogprobs;
  }
  return wanted;
}

void ReadLogprobs(JsonReader& body, AnswerOptions& options) {
  const auto top = static_cast<int>(body.Integer("top_logprobs", 0, 20).value_or(0));
  options.logprobs = WantsLogprobs(body) || top > 0;
  if (options.logprobs) options.sampling.top_logprobs = top;
}

OrderedJson ReadMetadata(JsonReader& body) {
  constexpr size_t kMaxPairs = 16;
  constexpr size_t kMaxKey = 64;
  constexpr size_t kMaxValue = 512;
  OrderedJson read = OrderedJson::object();
  const Json* metadata = body.Object("metadata");
  if (metadata == nullptr) return read;
  if (metadata->size() > kMaxPairs) RefuseValue("metadata", fmt::format("it may have {} pairs.", kMaxPairs));
  JsonReader reader(*metadata, "metadata");
  for (const auto& [key, value] : metadata->items()) {
    const std::string text = reader.String(key).value_or("");
    if (CountCharacters(key) > kMaxKey || CountCharacters(text) > kMaxValue) {
      RefuseValue("metadata", fmt::format("keys may have {} characters and values {}.", kMaxKey, kMaxValue));
    }
    read[key] = text;
  }
  return read;
}

// What OpenAI's service does beside answering.
void RefuseWhatIsNotThere(JsonReader& body) {
  if (body.Bool("background").value_or(false))
    RefuseUnsupported("background", "a response is made while its client waits");
  if (const Json* conversation = body.Find("conversation")) {
    if (!conversation->is_string() && !conversation->is_object())
      RefuseType("conversation", "a string or an object", *conversation);
    RefuseUnsupported("conversation", "'previous_response_id' is");
  }
  for (const char* name : {"prompt", "moderation"})
    if (body.Object(name) != nullptr) RefuseUnsupported(name);
  const Json* management = body.Array("context_management", "objects");
  if (management != nullptr && !management->empty())
    RefuseUnsupported("context_management", "'truncation' is");
  if (const Json* reasoning = body.Object("reasoning")) {
    for (const auto& [name, value] : reasoning->items())
      if (!value.is_null() && !(name == "effort" && value == "none"))
        RefuseUnsupported("reasoning", "these models do not think first");
  }
  if (body.Integer("n", 1, 128).value_or(1) != 1) RefuseUnsupported("n", "a response is one answer");
  if (body.Bool("return_token_ids").value_or(false)) RefuseUnsupported("return_token_ids");
}

// About accounts, caches and speed. What answers repeat goes into `echo`.
void CheckWhatHasNoEffect(JsonReader& body, OrderedJson& echo) {
  constexpr size_t kMaxIdentifier = 64;
  if (const auto identifier = body.String("safety_identifier")) {
    if (CountCharacters(*identifier) > kMaxIdentifier)
      RefuseValue("safety_identifier", fmt::format("it may have {} characters.", kMaxIdentifier));
    echo["safety_identifier"] = *identifier;
  }
  if (const auto key = body.String("prompt_cache_key")) echo["prompt_cache_key"] = *key;
  if (const auto user = body.String("user")) echo["user"] = *user;
  body.Enum("prompt_cache_retention", {"in_memory", "in-memory", "24h"});
  body.Object("prompt_cache_options");
  body.Enum("service_tier", {"auto", "default", "flex", "scale", "priority"});
}

// What the answer must look like, by all that says something of it.
std::optional<OutputRules> ReadRules(JsonReader& body, std::string_view text, const ToolUse& tools) {
  std::optional<OutputRules> rules = OrGuidedRules(ReadTextFormat(body, text), "text.format", body, text);
  return tools.any() ? ToolRules(tools, rules) : rules;
}

OrderedJson MemberOr(const OrderedJson& object, const char* name, OrderedJson otherwise) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? std::move(otherwise) : *found;
}

// A copy with these members alone, in this order, as far as they are there.
OrderedJson Picked(const OrderedJson& object, std::initializer_list<const char*> names) {
  OrderedJson picked = OrderedJson::object();
  for (const char* name : names)
    if (const auto found = object.find(name); found != object.end() && !found->is_null())
      picked[name] = *found;
  return picked;
}

OrderedJson TextEcho(const OrderedJson& body) {
  const OrderedJson config = MemberOr(body, "text", OrderedJson::object());
  const OrderedJson asked = MemberOr(config, "format", {{"type", "text"}});
  const bool schema = asked["type"] == "json_schema";
  OrderedJson format =
      schema ? Picked(asked, {"type", "description", "name", "schema"}) : Picked(asked, {"type"});
  if (schema) format["strict"] = MemberOr(asked, "strict", false);
  return {{"format", std::move(format)}, {"verbosity", MemberOr(config, "verbosity", "medium")}};
}

OrderedJson ToolsEcho(const OrderedJson& body) {
  OrderedJson echo = OrderedJson::array();
  for (const OrderedJson& tool : MemberOr(body, "tools", OrderedJson::array())) {
    echo.push_back({{"type", "function"},
                    {"description", MemberOr(tool, "description", nullptr)},
                    {"name", tool["name"]},
                    {"parameters", MemberOr(tool, "parameters", nullptr)},
                    {"strict", MemberOr(tool, "strict", true)}});
  }
  return echo;
}

OrderedJson ToolChoiceEcho(const OrderedJson& body) {
  const OrderedJson choice = MemberOr(body, "tool_choice", "auto");
  if (!choice.is_object()) return choice;
  if (choice["type"] == "function") return Picked(choice, {"type", "name"});
  OrderedJson echo = Picked(choice, {"type", "mode"});
  for (const OrderedJson& tool : choice["tools"]) echo["tools"].push_back(Picked(tool, {"type", "name"}));
  return echo;
}

// REQUIRES: all else was read, and found good.
void AddEcho(JsonReader& body, std::string_view text, ResponseRequest& request) {
  // In the order of the request, which counts in schemas.
  const OrderedJson ordered = OrderedJson::parse(text);
  const auto or_null = [](const auto& value) { return value ? OrderedJson(*value) : OrderedJson(nullptr); };
  OrderedJson& echo = request.echo;
  echo["instructions"] = or_null(body.String("instructions"));
  echo["max_output_tokens"] = or_null(request.max_tokens);
  echo["parallel_tool_calls"] = request.tools.parallel;
  echo["previous_response_id"] = or_null(body.String("previous_response_id"));
  echo["temperature"] = body.Number("temperature", 0, 2).value_or(0);
  echo["text"] = TextEcho(ordered);
  echo["tool_choice"] = ToolChoiceEcho(ordered);
  echo["tools"] = ToolsEcho(ordered);
  echo["top_logprobs"] = std::max(request.options.sampling.top_logprobs, 0);
  echo["top_p"] = body.Number("top_p", 0, 1).value_or(1);
  echo["truncation"] = request.truncate ? "auto" : "disabled";
  echo["metadata"] = ReadMetadata(body);
}

}  // namespace

ResponseRequest ParseResponseRequest(std::string_view text, int vocab_size,
                                     std::vector<std::string>& unknown) {
  const Json json = ParseJsonBody(text);
  JsonReader body(json);
  ResponseRequest request;
  request.options = ReadAnswerOptions(body, vocab_size);
  request.input = ReadInput(body);
  request.previous = body.String("previous_response_id").value_or("");
  request.instructions = body.String("instructions").value_or("");
  request.max_tokens = ReadTokenLimit(body, "max_output_tokens", 1);
  request.truncate = body.Enum("truncation", {"auto", "disabled"}).value_or("disabled") == "auto";
  request.store = body.Bool("store").value_or(true);
  request.tools = ReadResponseTools(body, text);
  request.options.rules = ReadRules(body, text, request.tools);
  ReadLogprobs(body, request.options);
  RefuseWhatIsNotThere(body);
  CheckWhatHasNoEffect(body, request.echo);
  AddEcho(body, text, request);
  unknown = body.Unread();
  return request;
}

}  // namespace puna
