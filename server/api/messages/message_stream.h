#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "server/api/messages/message_json.h"
#include "server/api/tool_call_reader.h"
#include "server/api_error.h"
#include "server/generation.h"
#include "server/http_types.h"

namespace puna {

// A message as Anthropic's server-sent events: from what happens to an answer to the bytes that tell it. A
// block of content begins with the first piece of it and ends where the next begins.
class MessageEvents {
 public:
  // `calls`: the answer may call tools. `cut_to_context`: see EndOfMessage.
  MessageEvents(MessageHead head, bool calls, bool cut_to_context)
      : head_(std::move(head)), calls_(calls), cut_to_context_(cut_to_context) {}

  std::string Begin(const Usage& usage) const;
  std::string Add(const AnswerEvent& event);
  std::string End(const Usage& usage) const;  // REQUIRES: the answer has ended
  std::string Error(const RequestError& error) const;
  static std::string Ping();

 private:
  void Text(const std::string& text, std::string& out);
  void Call(const CallPart& part, std::string& out);
  void Open(OrderedJson block, std::string& out);
  void Delta(OrderedJson delta, std::string& out) const;
  void Close(std::string& out);

  const MessageHead head_;
  const bool calls_;
  const bool cut_to_context_;
  ToolCallReader reader_;
  int blocks_ = 0;     // that have begun
  bool open_ = false;  // the last of them has not ended
  MessageEnd end_;
};

// Writes the one answer as it arrives. Where nothing is sent for `ping_interval`, as while a long prompt is
// read, a ping tells clients and proxies that the answer is still to come.
HttpResponse StreamedMessage(Answers answers, MessageEvents events,
                             std::chrono::milliseconds ping_interval = std::chrono::seconds(10));

}  // namespace puna
