#include "server/api/answer_writer.h"

#include <chrono>
#include <random>
#include <utility>
#include <vector>

#include "server/api_error.h"
#include "server/sse.h"

namespace puna {
namespace {

std::string_view Name(FinishReason reason) { return reason == FinishReason::kStop ? "stop" : "length"; }

std::string RandomId(std::string_view prefix) {
  static constexpr char kLetters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::random_device random;
  std::uniform_int_distribution<size_t> letter(0, sizeof(kLetters) - 2);
  std::string id(prefix);
  for (int i = 0; i < 29; ++i) id.push_back(kLetters[letter(random)]);
  return id;
}

OrderedJson Frame(const AnswerHead& head, std::string_view object, OrderedJson choices) {
  return {{"id", head.id},
          {"object", object},
          {"created", head.created},
          {"model", head.model},
          {"system_fingerprint", head.fingerprint},
          {"choices", std::move(choices)}};
}

// Writes one stream's events; false from Choice means that the client has gone.
class EventWriter {
 public:
  EventWriter(BodyWriter& out, const AnswerHead& head, const ChoiceFormat& format, bool include_usage)
      : out_(out), head_(head), format_(format), include_usage_(include_usage) {}

  bool Choice(OrderedJson choice) { return Send(OrderedJson::array({std::move(choice)}), nullptr); }

  void Finish(const Usage& usage) {
    if (include_usage_ && !Send(OrderedJson::array(), UsageJson(usage))) return;
    out_.Write(kSseDone);
  }

  void Error(const RequestError& error) { out_.Write(SseEvent("error", error.Json())); }

 private:
  bool Send(OrderedJson choices, OrderedJson usage) {
    OrderedJson chunk = Frame(head_, format_.chunk_object(), std::move(choices));
    if (include_usage_) chunk["usage"] = std::move(usage);
    return out_.Write(SseData(chunk.dump()));
  }

  BodyWriter& out_;
  const AnswerHead& head_;
  const ChoiceFormat& format_;
  const bool include_usage_;
};

bool WriteEvent(EventWriter& events, const ChoiceFormat& format, const AnswerEvent& event) {
  if (!event.text.empty() && !events.Choice(format.Piece(event.index, event.text))) return false;
  return !event.finish || events.Choice(format.End(event.index, Name(*event.finish)));
}

void StreamEvents(Answers& answers, const ChoiceFormat& format, EventWriter& events, BodyWriter& out) {
  for (int index = 0; index < static_cast<int>(answers.size()); ++index) {
    OrderedJson opening = format.Opening(index);
    if (!opening.is_null() && !events.Choice(std::move(opening))) return;
  }
  try {
    while (const auto event = answers.Next([&out] { return out.ClientGone(); }))
      if (!WriteEvent(events, format, *event)) return;
  } catch (const RequestError& error) {
    return events.Error(error);
  } catch (const std::exception&) {
    // Whoever catches this logs it; the client hears of it before the connection ends.
    events.Error(
        RequestError(500, "The answer could not be completed.", {}, "internal_error", "server_error"));
    throw;
  }
  if (!answers.abandoned()) events.Finish(answers.usage());
}

}  // namespace

AnswerHead NewAnswerHead(std::string_view id_prefix, std::string_view model, std::string_view fingerprint) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {RandomId(id_prefix), std::chrono::duration_cast<std::chrono::seconds>(now).count(),
          std::string(model), std::string(fingerprint)};
}

OrderedJson UsageJson(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

HttpResponse WholeAnswer(const HttpRequest& http, Answers answers, const AnswerHead& head,
                         const ChoiceFormat& format) {
  struct Collected {
    std::string text;
    FinishReason finish = FinishReason::kLength;
  };
  std::vector<Collected> collected(answers.size());
  while (const auto event = answers.Next([&http] { return http.client_gone && http.client_gone(); })) {
    Collected& choice = collected[static_cast<size_t>(event->index)];
    choice.text += event->text;
    if (event->finish) choice.finish = *event->finish;
  }
  OrderedJson choices = OrderedJson::array();
  for (size_t i = 0; i < collected.size(); ++i)
    choices.push_back(format.Whole(static_cast<int>(i), collected[i].text, Name(collected[i].finish)));
  OrderedJson json = Frame(head, format.object(), std::move(choices));
  json["usage"] = UsageJson(answers.usage());
  HttpResponse response;
  response.body = json.dump();
  return response;
}

HttpResponse StreamedAnswer(Answers answers, AnswerHead head, std::shared_ptr<const ChoiceFormat> format,
                            bool include_usage) {
  HttpResponse response;
  response.content_type = "text/event-stream";
  // Shared because a std::function is copied; only the thread that handles the request uses it.
  auto shared = std::make_shared<Answers>(std::move(answers));
  response.stream = [shared, head = std::move(head), format = std::move(format),
                     include_usage](BodyWriter& out) {
    EventWriter events(out, head, *format, include_usage);
    StreamEvents(*shared, *format, events, out);
  };
  return response;
}

}  // namespace puna
