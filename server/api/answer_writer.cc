#include "server/api/answer_writer.h"

#include <algorithm>
#include <chrono>
#include <iterator>
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

OrderedJson Frame(const AnswerHead& head, std::string_view object, OrderedJson choices, bool first) {
  OrderedJson frame = {{"id", head.id},
                       {"object", object},
                       {"created", head.created},
                       {"model", head.model},
                       {"system_fingerprint", head.fingerprint},
                       {"choices", std::move(choices)}};
  if (first && head.prompt_token_ids) frame["prompt_token_ids"] = *head.prompt_token_ids;
  return frame;
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
    OrderedJson chunk = Frame(head_, format_.chunk_object(), std::move(choices), first_);
    first_ = false;
    if (include_usage_) chunk["usage"] = std::move(usage);
    return out_.Write(SseData(chunk.dump()));
  }

  BodyWriter& out_;
  const AnswerHead& head_;
  const ChoiceFormat& format_;
  const bool include_usage_;
  bool first_ = true;
};

bool WriteEvent(EventWriter& events, const ChoiceFormat& format, const AnswerEvent& event) {
  const bool says_something = !event.text.empty() || !event.tokens.empty();
  if (says_something && !events.Choice(format.Piece(event))) return false;
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
          std::string(model), std::string(fingerprint), std::nullopt};
}

OrderedJson UsageJson(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

std::vector<FinishedAnswer> Collect(const HttpRequest& http, Answers& answers) {
  std::vector<FinishedAnswer> collected(answers.size());
  while (auto event = answers.Next([&http] { return http.client_gone && http.client_gone(); })) {
    FinishedAnswer& answer = collected[static_cast<size_t>(event->index)];
    answer.text += event->text;
    std::ranges::move(event->tokens, std::back_inserter(answer.tokens));
    if (event->finish) answer.finish = *event->finish;
  }
  return collected;
}

HttpResponse WholeAnswer(const std::vector<FinishedAnswer>& answers, const Usage& usage,
                         const AnswerHead& head, const ChoiceFormat& format) {
  OrderedJson choices = OrderedJson::array();
  for (size_t i = 0; i < answers.size(); ++i)
    choices.push_back(format.Whole(static_cast<int>(i), answers[i], Name(answers[i].finish)));
  OrderedJson json = Frame(head, format.object(), std::move(choices), /*first=*/true);
  json["usage"] = UsageJson(usage);
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
