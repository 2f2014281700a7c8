#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/token_json.h"
#include "server/api/tool_call_reader.h"
#include "server/generation.h"

namespace puna {

// Makes the items of a response from its answer, while it arrives, and tells what happens to them, event by
// event, as streams of responses have it. For one answer and one thread.
class OutputItems {
 public:
  // The type of the event and its other members, but for its number.
  using Tell = std::function<void(std::string_view type, OrderedJson event)>;

  struct Options {
    bool calls = false;  // the answer may call functions
    bool logprobs = false;
    bool top_logprobs = false;
  };

  // `tell` may be null.
  OutputItems(const Tokenizer& tokenizer, Options options, Tell tell);

  // Once an event has had an end the items are complete.
  void Add(const AnswerEvent& event);
  const OrderedJson& items() const { return items_; }

 private:
  // The last item, as long as it grows.
  struct Open {
    OrderedJson item;
    std::string text;       // of a message
    std::string arguments;  // of a call
    OrderedJson logprobs;   // of a message
  };

  bool IsOpen(std::string_view type) const;
  void OpenMessage();
  void OpenCall(const std::string& name);
  void Begin(OrderedJson item);
  void AddText(const std::string& text);
  void AddCallPart(const CallPart& part);
  void Close(std::string_view status);
  void CloseMessage(std::string_view status);
  void CloseCall(std::string_view status);
  OrderedJson TextPart() const;
  OrderedJson TakeLogprobs();
  void Happened(std::string_view type, OrderedJson event);

  const Tokenizer& tokenizer_;
  const Options options_;
  const Tell tell_;
  ToolCallReader reader_;
  std::vector<AnswerToken> tokens_;  // whose text was not told yet
  std::optional<Open> open_;
  OrderedJson items_ = OrderedJson::array();  // closed
};

}  // namespace puna
