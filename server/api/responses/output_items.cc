#include "server/api/responses/output_items.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/api/answer_writer.h"

namespace puna {
namespace {

// The bytes are always an array here: of special tokens, which have none, an empty one.
void BytesToArray(OrderedJson& token) {
  if (token["bytes"].is_null()) token["bytes"] = OrderedJson::array();
}

// In events tokens have no bytes of their own.
OrderedJson WithoutBytes(OrderedJson logprobs) {
  for (OrderedJson& token : logprobs) {
    token.erase("bytes");
    for (OrderedJson& top : token["top_logprobs"]) top.erase("bytes");
  }
  return logprobs;
}

}  // namespace

OutputItems::OutputItems(const Tokenizer& tokenizer, Options options, Tell tell)
    : tokenizer_(tokenizer), options_(options), tell_(std::move(tell)) {}

void OutputItems::Add(const AnswerEvent& event) {
  if (options_.logprobs) std::ranges::copy(event.tokens, std::back_inserter(tokens_));
  if (options_.calls) {
    if (event.announces_call) reader_.Announce();
    const auto add = [this](const ToolCallReader::Parts& parts) {
      if (!parts.content.empty()) AddText(parts.content);
      for (const CallPart& part : parts.calls) AddCallPart(part);
    };
    add(reader_.Push(event.text));
    if (event.finish) add(reader_.Finish());
  } else if (!event.text.empty()) {
    AddText(event.text);
  }
  if (!event.finish) return;
  // An answer that says nothing is an empty message.
  if (!open_ && items_.empty()) OpenMessage();
  Close(*event.finish == FinishReason::kStop ? "completed" : "incomplete");
}

bool OutputItems::IsOpen(std::string_view type) const { return open_ && open_->item["type"] == type; }

void OutputItems::OpenMessage() {
  Begin({{"id", RandomId("msg_")},
         {"type", "message"},
         {"status", "in_progress"},
         {"content", OrderedJson::array()},
         {"role", "assistant"}});
  Happened("response.content_part.added", {{"content_index", 0}, {"part", TextPart()}});
}

void OutputItems::OpenCall(const std::string& name) {
  Begin({{"id", RandomId("fc_")},
         {"type", "function_call"},
         {"status", "in_progress"},
         {"arguments", ""},
         {"call_id", RandomId("call_")},
         {"name", name}});
}

void OutputItems::Begin(OrderedJson item) {
  Close("completed");
  open_ = Open{std::move(item), "", "", OrderedJson::array()};
  Happened("response.output_item.added", {{"item", open_->item}});
}

void OutputItems::AddText(const std::string& text) {
  if (!IsOpen("message")) OpenMessage();
  open_->text += text;
  OrderedJson logprobs = TakeLogprobs();
  Happened("response.output_text.delta",
           {{"content_index", 0}, {"delta", text}, {"logprobs", WithoutBytes(std::move(logprobs))}});
}

void OutputItems::AddCallPart(const CallPart& part) {
  if (part.name) OpenCall(*part.name);
  if (part.arguments.empty() || !IsOpen("function_call")) return;
  open_->arguments += part.arguments;
  Happened("response.function_call_arguments.delta", {{"delta", part.arguments}});
}

void OutputItems::Close(std::string_view status) {
  if (!open_) return;
  if (IsOpen("message")) {
    CloseMessage(status);
  } else {
    CloseCall(status);
  }
  Happened("response.output_item.done", {{"item", open_->item}});
  items_.push_back(std::move(open_->item));
  open_.reset();
}

void OutputItems::CloseMessage(std::string_view status) {
  TakeLogprobs();
  Happened("response.output_text.done",
           {{"content_index", 0}, {"text", open_->text}, {"logprobs", WithoutBytes(open_->logprobs)}});
  const OrderedJson part = TextPart();
  Happened("response.content_part.done", {{"content_index", 0}, {"part", part}});
  open_->item["status"] = status;
  open_->item["content"] = OrderedJson::array({part});
}

void OutputItems::CloseCall(std::string_view status) {
  Happened("response.function_call_arguments.done",
           {{"name", open_->item["name"]}, {"arguments", open_->arguments}});
  open_->item["status"] = status;
  open_->item["arguments"] = open_->arguments;
}

OrderedJson OutputItems::TextPart() const {
  return {{"type", "output_text"},
          {"annotations", OrderedJson::array()},
          {"logprobs", open_->logprobs},
          {"text", open_->text}};
}

// Those of the tokens whose text was told by now, which become the message's.
OrderedJson OutputItems::TakeLogprobs() {
  if (tokens_.empty()) return OrderedJson::array();
  OrderedJson taken = ChatLogprobs(tokenizer_, std::exchange(tokens_, {}), options_.top_logprobs)["content"];
  for (OrderedJson& token : taken) {
    BytesToArray(token);
    for (OrderedJson& top : token["top_logprobs"]) BytesToArray(top);
    open_->logprobs.push_back(token);
  }
  return taken;
}

// Every event of an item says which one it is.
void OutputItems::Happened(std::string_view type, OrderedJson event) {
  if (!tell_) return;
  if (!event.contains("item")) event["item_id"] = open_->item["id"];
  event["output_index"] = items_.size();
  tell_(type, std::move(event));
}

}  // namespace puna
