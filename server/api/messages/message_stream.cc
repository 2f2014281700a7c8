#include "server/api/messages/message_stream.h"

#include <exception>
#include <memory>
#include <utility>

#include "server/error_form.h"
#include "server/sse.h"

namespace puna {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMostUnsent = 16 << 10;

std::string EventText(std::string_view type, OrderedJson more) {
  OrderedJson json = {{"type", type}};
  json.update(more);
  return SseEvent(type, json.dump());
}

void Stream(Answers& answers, MessageEvents& events, BodyWriter& out,
            std::chrono::milliseconds ping_interval) {
  Clock::time_point last_sent;
  const auto send = [&](std::string_view bytes) {
    last_sent = Clock::now();
    return bytes.empty() || out.Write(bytes);
  };
  const auto gone = [&] {
    if (Clock::now() - last_sent >= ping_interval && !send(MessageEvents::Ping())) return true;
    return out.ClientGone();
  };
  try {
    if (!send(events.Begin(answers.usage()))) return;
    // Every event leaves at once; those that arrived while this thread was busy leave together.
    while (auto event = answers.Next(gone)) {
      std::string text;
      for (; event; event = text.size() < kMostUnsent ? answers.TryNext() : std::nullopt)
        text += events.Add(*event);
      if (!text.empty() && !send(text)) return;
    }
  } catch (const RequestError& error) {
    send(events.Error(error));
    return;
  } catch (const std::exception&) {
    // Whoever catches this logs it; the client hears of it before the connection ends.
    send(events.Error(
        RequestError(500, "The answer could not be completed.", {}, "internal_error", "server_error")));
    throw;
  }
  if (!answers.abandoned()) send(events.End(answers.usage()));
}

}  // namespace

std::string MessageEvents::Ping() { return EventText("ping", OrderedJson::object()); }

// How much of the prompt was found in the cache is known with the first token, and told at the end.
std::string MessageEvents::Begin(const Usage& usage) const {
  const OrderedJson message = MessageJson(head_, OrderedJson::array(), MessageEnd{}, usage);
  return EventText("message_start", {{"message", message}}) + Ping();
}

std::string MessageEvents::Add(const AnswerEvent& event) {
  std::string out;
  if (!calls_) {
    Text(event.text, out);
  } else {
    if (event.announces_call) reader_.Announce();
    const auto tell = [&](const ToolCallReader::Parts& parts) {
      Text(parts.content, out);
      for (const CallPart& part : parts.calls) Call(part, out);
    };
    tell(reader_.Push(event.text));
    if (event.finish) tell(reader_.Finish());
  }
  if (event.finish) {
    Close(out);
    end_ = EndOfMessage(*event.finish, event.stop, reader_.called(), cut_to_context_);
  }
  return out;
}

std::string MessageEvents::End(const Usage& usage) const {
  return EventText("message_delta",
                   {{"delta", MessageEndJson(end_)}, {"usage", MessageEndUsageJson(usage)}}) +
         EventText("message_stop", OrderedJson::object());
}

std::string MessageEvents::Error(const RequestError& error) const {
  return SseEvent("error", AnthropicErrorJson(error, head_.request_id));
}

void MessageEvents::Text(const std::string& text, std::string& out) {
  if (text.empty()) return;
  if (!open_) Open(TextBlockJson(""), out);
  Delta({{"type", "text_delta"}, {"text", text}}, out);
}

void MessageEvents::Call(const CallPart& part, std::string& out) {
  if (part.name) {
    Close(out);
    Open(ToolUseBlockJson(*part.name, OrderedJson::object()), out);
  }
  if (!part.arguments.empty()) Delta({{"type", "input_json_delta"}, {"partial_json", part.arguments}}, out);
}

void MessageEvents::Open(OrderedJson block, std::string& out) {
  out += EventText("content_block_start", {{"index", blocks_}, {"content_block", std::move(block)}});
  ++blocks_;
  open_ = true;
}

void MessageEvents::Delta(OrderedJson delta, std::string& out) const {
  out += EventText("content_block_delta", {{"index", blocks_ - 1}, {"delta", std::move(delta)}});
}

void MessageEvents::Close(std::string& out) {
  if (!open_) return;
  out += EventText("content_block_stop", {{"index", blocks_ - 1}});
  open_ = false;
}

HttpResponse StreamedMessage(Answers answers, MessageEvents events, std::chrono::milliseconds ping_interval) {
  HttpResponse response;
  response.content_type = "text/event-stream";
  // Shared because a std::function is copied; only the thread that handles the request uses them.
  response.stream = [answers = std::make_shared<Answers>(std::move(answers)),
                     events = std::make_shared<MessageEvents>(std::move(events)),
                     ping_interval](BodyWriter& out) { Stream(*answers, *events, out, ping_interval); };
  return response;
}

}  // namespace puna
