#include "server/api/chat_choice.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace puna {
namespace {

OrderedJson Chunk(int index, OrderedJson delta, OrderedJson reason) {
  return {{"index", index},
          {"delta", std::move(delta)},
          {"logprobs", nullptr},
          {"finish_reason", std::move(reason)}};
}

// An answer that called something did not just stop, and one that was cut off is not whole.
std::string_view Reason(std::string_view reason, const ToolCallReader& reader) {
  return reader.called() && reason == "stop" ? "tool_calls" : reason;
}

OrderedJson CallDelta(const CallPart& part) {
  OrderedJson call = {{"index", part.index}};
  if (part.name) {
    call["id"] = RandomId("call_");
    call["type"] = "function";
    call["function"] = {{"name", *part.name}, {"arguments", part.arguments}};
  } else {
    call["function"] = {{"arguments", part.arguments}};
  }
  return {{"tool_calls", OrderedJson::array({std::move(call)})}};
}

ToolCallReader::Parts Joined(ToolCallReader::Parts parts, const ToolCallReader::Parts& more) {
  parts.content += more.content;
  parts.calls.insert(parts.calls.end(), more.calls.begin(), more.calls.end());
  return parts;
}

OrderedJson CallingMessage(const ToolCallReader::Parts& parts) {
  OrderedJson calls = OrderedJson::array();
  for (const CallPart& part : parts.calls) {
    if (part.name) {
      calls.push_back({{"id", RandomId("call_")},
                       {"type", "function"},
                       {"function", {{"name", *part.name}, {"arguments", part.arguments}}}});
    } else if (!calls.empty()) {
      auto& arguments = calls.back()["function"]["arguments"].get_ref<std::string&>();
      arguments += part.arguments;
    }
  }
  OrderedJson message = {{"role", "assistant"}, {"content", nullptr}, {"refusal", nullptr}};
  if (!parts.content.empty() || calls.empty()) message["content"] = parts.content;
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  return message;
}

}  // namespace

ChatChoice::ChatChoice(const Tokenizer& tokenizer, const AnswerOptions& options, bool calls)
    : tokenizer_(tokenizer),
      logprobs_(options.logprobs),
      top_(options.sampling.top_logprobs > 0),
      token_ids_(options.token_ids),
      calls_(calls) {}

OrderedJson ChatChoice::Opening(int index) const {
  // Whether there will be content is not known yet where calls may come.
  const OrderedJson content = calls_ ? OrderedJson(nullptr) : OrderedJson("");
  return Chunk(index, {{"role", "assistant"}, {"content", content}, {"refusal", nullptr}}, nullptr);
}

std::vector<OrderedJson> ChatChoice::Pieces(const AnswerEvent& event) {
  if (calls_) return CallPieces(event);
  if (event.text.empty() && event.tokens.empty()) return {};
  OrderedJson choice = Chunk(event.index, {{"content", event.text}}, nullptr);
  AddTokens(event.tokens, choice);
  return {choice};
}

std::vector<OrderedJson> ChatChoice::CallPieces(const AnswerEvent& event) {
  Stream& stream = streams_[event.index];
  if (event.announces_call) stream.reader.Announce();
  ToolCallReader::Parts parts = stream.reader.Push(event.text);
  if (event.finish) parts = Joined(std::move(parts), stream.reader.Finish());
  std::ranges::copy(event.tokens, std::back_inserter(stream.tokens));

  std::vector<OrderedJson> pieces;
  if (!parts.content.empty()) pieces.push_back(Chunk(event.index, {{"content", parts.content}}, nullptr));
  for (const CallPart& part : parts.calls) pieces.push_back(Chunk(event.index, CallDelta(part), nullptr));
  // What has no text of its own in a delta is told at the latest with the end.
  if (pieces.empty() && event.finish && !stream.tokens.empty())
    pieces.push_back(Chunk(event.index, OrderedJson::object(), nullptr));
  if (!pieces.empty() && !stream.tokens.empty()) {
    AddTokens(stream.tokens, pieces.front());
    stream.tokens.clear();
  }
  return pieces;
}

OrderedJson ChatChoice::End(int index, std::string_view reason) {
  return Chunk(index, OrderedJson::object(), calls_ ? Reason(reason, streams_[index].reader) : reason);
}

OrderedJson ChatChoice::Whole(int index, const FinishedAnswer& answer, std::string_view reason) {
  OrderedJson message = {{"role", "assistant"}, {"content", answer.text}, {"refusal", nullptr}};
  if (calls_) {
    ToolCallReader reader;
    if (answer.announced_call) reader.Announce();
    ToolCallReader::Parts parts = reader.Push(answer.text);
    message = CallingMessage(Joined(std::move(parts), reader.Finish()));
    reason = Reason(reason, reader);
  }
  OrderedJson choice = {
      {"index", index}, {"message", std::move(message)}, {"logprobs", nullptr}, {"finish_reason", reason}};
  AddTokens(answer.tokens, choice);
  return choice;
}

void ChatChoice::AddTokens(std::span<const AnswerToken> tokens, OrderedJson& choice) const {
  if (logprobs_) choice["logprobs"] = ChatLogprobs(tokenizer_, tokens, top_);
  if (token_ids_) choice["token_ids"] = GeneratedTokenIds(tokens);
}

}  // namespace puna
