#include "server/api/messages/message_json.h"

#include <utility>

#include "server/api/answer_writer.h"

namespace puna {
namespace {

// Tokens that were found in the cache are no input: the three kinds of input add up to the prompt.
OrderedJson InputJson(const Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens - usage.cached_tokens},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", usage.cached_tokens}};
}

OrderedJson UsageOfMessage(const Usage& usage) {
  OrderedJson json = InputJson(usage);
  json.update({{"cache_creation", nullptr},
               {"output_tokens", usage.completion_tokens},
               {"output_tokens_details", nullptr},
               {"server_tool_use", nullptr},
               {"service_tier", nullptr},
               {"inference_geo", nullptr},
               {"speed", nullptr}});
  return json;
}

OrderedJson TextOrNull(std::string_view text) {
  return text.empty() ? OrderedJson(nullptr) : OrderedJson(text);
}

}  // namespace

MessageEnd EndOfMessage(FinishReason finish, const std::string& stop, bool called, bool cut_to_context) {
  if (finish == FinishReason::kLength)
    return {cut_to_context ? "model_context_window_exceeded" : "max_tokens", ""};
  if (!stop.empty()) return {"stop_sequence", stop};
  return {called ? "tool_use" : "end_turn", ""};
}

OrderedJson MessageEndJson(const MessageEnd& end) {
  return {{"stop_reason", TextOrNull(end.reason)},
          {"stop_sequence", TextOrNull(end.stop_sequence)},
          {"stop_details", nullptr},
          {"container", nullptr}};
}

OrderedJson MessageEndUsageJson(const Usage& usage) {
  OrderedJson json = InputJson(usage);
  json.update({{"output_tokens", usage.completion_tokens},
               {"output_tokens_details", nullptr},
               {"server_tool_use", nullptr}});
  return json;
}

OrderedJson MessageJson(const MessageHead& head, OrderedJson content, const MessageEnd& end,
                        const Usage& usage) {
  OrderedJson json = {{"id", head.id},
                      {"type", "message"},
                      {"role", "assistant"},
                      {"model", head.model},
                      {"content", std::move(content)}};
  json.update(MessageEndJson(end));
  json.update({{"diagnostics", nullptr}, {"usage", UsageOfMessage(usage)}});
  return json;
}

OrderedJson TextBlockJson(std::string_view text) {
  return {{"type", "text"}, {"text", text}, {"citations", nullptr}};
}

OrderedJson ToolUseBlockJson(std::string_view name, OrderedJson input) {
  return {{"type", "tool_use"},
          {"id", RandomId("toolu_")},
          {"name", name},
          {"input", std::move(input)},
          {"caller", {{"type", "direct"}}}};
}

OrderedJson ContentJson(const ToolCallReader::Parts& parts) {
  OrderedJson content = OrderedJson::array();
  if (!parts.content.empty()) content.push_back(TextBlockJson(parts.content));
  for (size_t i = 0; i < parts.calls.size();) {
    const CallPart& first = parts.calls[i];
    std::string arguments;
    for (; i < parts.calls.size() && parts.calls[i].index == first.index; ++i)
      arguments += parts.calls[i].arguments;
    OrderedJson input = OrderedJson::parse(arguments, nullptr, /*allow_exceptions=*/false);
    if (!input.is_object()) input = OrderedJson::object();
    content.push_back(ToolUseBlockJson(first.name.value_or(""), std::move(input)));
  }
  return content;
}

}  // namespace puna
