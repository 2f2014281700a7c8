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

OrderedJson Frame(const AnswerHead& head, std::string_view object, OrderedJson choices) {
  return {{"id", head.id},
          {"object", object},
          {"created", head.created},
          {"model", head.model},
          {"system_fingerprint", head.fingerprint},
          {"choices", std::move(choices)}};
}

// Writes one stream's events; false from Flush means that the client has gone.
class EventWriter {
 public:
  EventWriter(BodyWriter& out, const AnswerHead& head, const ChoiceFormat& format, bool include_usage)
      : out_(out),
        before_choices_(UpToChoices(Frame(head, format.chunk_object(), OrderedJson::array()).dump())),
        include_usage_(include_usage) {
    if (head.prompt_token_ids)
      after_first_choices_ = ",\"prompt_token_ids\":" + OrderedJson(*head.prompt_token_ids).dump();
  }

  void Choice(const OrderedJson& choice) { Add(OrderedJson::array({choice}).dump(), "null"); }
  bool full() const { return unsent_.size() >= kMostUnsent; }

  bool Flush() {
    const bool sent = unsent_.empty() || out_.Write(unsent_);
    unsent_.clear();
    return sent;
  }

  void Finish(const Usage& usage) {
    if (include_usage_) Add("[]", UsageJson(usage).dump());
    unsent_ += kSseDone;
    Flush();
  }

  void Error(const RequestError& error) {
    unsent_ += SseEvent("error", error.Json());
    Flush();
  }

 private:
  static constexpr size_t kMostUnsent = 16 << 10;

  // A frame without its choices: `...,"choices":`. All chunks of a stream begin with the same bytes, which
  // are written once.
  static std::string UpToChoices(std::string frame) {
    frame.resize(frame.size() - std::string_view("[]}").size());
    return frame;
  }

  void Add(std::string_view choices, std::string_view usage) {
    unsent_.append("data: ").append(before_choices_).append(choices);
    unsent_.append(std::exchange(after_first_choices_, {}));
    if (include_usage_) unsent_.append(",\"usage\":").append(usage);
    unsent_.append("}\n\n");
  }

  BodyWriter& out_;
  const std::string before_choices_;
  const bool include_usage_;
  std::string after_first_choices_;  // of the first chunk
  std::string unsent_;
};

void AddEvent(EventWriter& events, ChoiceFormat& format, const AnswerEvent& event) {
  for (const OrderedJson& piece : format.Pieces(event)) events.Choice(piece);
  if (event.finish) events.Choice(format.End(event.index, Name(*event.finish)));
}

void StreamEvents(Answers& answers, ChoiceFormat& format, EventWriter& events, BodyWriter& out) {
  for (int index = 0; index < static_cast<int>(answers.size()); ++index) {
    OrderedJson opening = format.Opening(index);
    if (!opening.is_null()) events.Choice(opening);
  }
  try {
    if (!events.Flush()) return;
    // Every event leaves at once; those that arrived while this thread was busy leave together.
    while (auto event = answers.Next([&out] { return out.ClientGone(); })) {
      for (; event; event = events.full() ? std::nullopt : answers.TryNext())
        AddEvent(events, format, *event);
      if (!events.Flush()) return;
    }
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

std::string RandomId(std::string_view prefix) {
  static constexpr char kLetters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::random_device random;
  std::uniform_int_distribution<size_t> letter(0, sizeof(kLetters) - 2);
  std::string id(prefix);
  for (int i = 0; i < 29; ++i) id.push_back(kLetters[letter(random)]);
  return id;
}

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
    answer.announced_call |= event->announces_call;
    if (event->finish) {
      answer.finish = *event->finish;
      answer.stop = event->stop;
    }
  }
  // Nobody reads it; the number, which nginx uses for the same, is for the log and the metrics.
  if (answers.abandoned()) throw RequestError(499, "The client left before its answer was complete.");
  return collected;
}

HttpResponse WholeAnswer(const std::vector<FinishedAnswer>& answers, const Usage& usage,
                         const AnswerHead& head, ChoiceFormat& format) {
  OrderedJson choices = OrderedJson::array();
  for (size_t i = 0; i < answers.size(); ++i)
    choices.push_back(format.Whole(static_cast<int>(i), answers[i], Name(answers[i].finish)));
  OrderedJson json = Frame(head, format.object(), std::move(choices));
  if (head.prompt_token_ids) json["prompt_token_ids"] = *head.prompt_token_ids;
  json["usage"] = UsageJson(usage);
  HttpResponse response;
  response.body = json.dump();
  return response;
}

HttpResponse StreamedAnswer(Answers answers, AnswerHead head, std::shared_ptr<ChoiceFormat> format,
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
