#include "server/api/responses/create_response.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <utility>
#include <vector>

#include "server/api/answer_requests.h"
#include "server/api/answer_writer.h"
#include "server/api/models.h"
#include "server/api/responses/output_items.h"
#include "server/api/responses/response_events.h"
#include "server/api/responses/response_object.h"
#include "server/api/responses/response_prompt.h"
#include "server/api/responses/response_request.h"

namespace puna {
namespace {

// All that is said so far: the earlier turns, then what is new.
std::vector<ConversationItem> Conversation(ResponseStore& store, const std::string& owner,
                                           std::vector<ConversationItem> input, const std::string& previous) {
  std::vector<ConversationItem> items;
  if (!previous.empty()) {
    const auto earlier = store.Get(owner, previous);
    if (!earlier) {
      throw RequestError(400,
                         fmt::format("Previous response with id '{}' not found.", Printable(previous, 100)),
                         "previous_response_id", "previous_response_not_found");
    }
    for (const auto* stored : {&earlier->input, &earlier->output})
      for (const StoredItem& item : *stored) items.push_back(ReadStoredItem(item));
  }
  for (ConversationItem& item : input) {
    if (item.kind == ConversationItem::Kind::kReference) {
      const auto stored = store.Item(owner, item.id);
      if (!stored) {
        throw RequestError(404, fmt::format("Item with id '{}' not found.", Printable(item.id, 100)),
                           item.path);
      }
      item = ReadStoredItem(*stored);
    }
    items.push_back(std::move(item));
  }
  MakeIdsDiffer(items);
  return items;
}

// One response that is being made.
struct Turn {
  ServedModel& model;
  ResponseStore& store;
  std::string owner;
  bool keep;
  OutputItems::Options options;
  std::vector<ConversationItem> items;
  OrderedJson response;
};

// Sets what the response came to, and keeps it if that is wanted.
void End(FinishReason reason, const OutputItems& output, const Usage& usage, Turn& turn) {
  EndResponse(reason, output.items(), usage, turn.response);
  if (!turn.keep) return;
  StoredResponse stored{turn.response["id"].get<std::string>(), turn.owner, turn.response.dump(), {}, {}};
  for (const ConversationItem& item : turn.items) stored.input.push_back({item.id, item.json.dump()});
  for (const OrderedJson& item : output.items())
    stored.output.push_back({item["id"].get<std::string>(), item.dump()});
  try {
    turn.store.Put(stored);
  } catch (const Error& error) {
    // The answer is there all the same.
    spdlog::error("response {} is not stored: {}", stored.id, error.what());
  }
}

void Stream(Answers& answers, Turn& turn, BodyWriter& out) {
  ResponseEvents events(out);
  const auto lifecycle = [&](std::string_view type) { events.Add(type, {{"response", turn.response}}); };
  lifecycle("response.created");
  lifecycle("response.in_progress");
  OutputItems output(turn.model.tokenizer, turn.options, [&events](std::string_view type, OrderedJson event) {
    events.Add(type, std::move(event));
  });
  std::optional<FinishReason> end;
  const auto fail = [&](std::string_view message) {
    FailResponse(message, turn.response);
    lifecycle("response.failed");
    events.Flush();
  };
  try {
    if (!events.Flush()) return;
    // Every event leaves at once; those that arrived while this thread was busy leave together.
    while (auto event = answers.Next([&out] { return out.ClientGone(); })) {
      for (; event; event = events.full() ? std::nullopt : answers.TryNext()) {
        output.Add(*event);
        if (event->finish) end = event->finish;
      }
      if (!events.Flush()) return;
    }
  } catch (const RequestError& error) {
    return fail(error.what());
  } catch (const std::exception&) {
    // Whoever catches this logs it; the client hears of it before the connection ends.
    fail("The answer could not be completed.");
    throw;
  }
  if (answers.abandoned() || !end) return;
  End(*end, output, answers.usage(), turn);
  lifecycle(*end == FinishReason::kStop ? "response.completed" : "response.incomplete");
  events.Flush();
}

HttpResponse Streamed(Answers answers, Turn turn) {
  HttpResponse response;
  response.content_type = "text/event-stream";
  // Shared because a std::function is copied; only the thread that handles the request uses them.
  const auto shared_answers = std::make_shared<Answers>(std::move(answers));
  const auto shared_turn = std::make_shared<Turn>(std::move(turn));
  response.stream = [shared_answers, shared_turn](BodyWriter& out) {
    Stream(*shared_answers, *shared_turn, out);
  };
  return response;
}

HttpResponse Whole(const HttpRequest& http, Answers& answers, Turn turn) {
  FinishedAnswer answer = std::move(Collect(http, answers).front());
  OutputItems output(turn.model.tokenizer, turn.options, nullptr);
  AnswerEvent whole{};
  whole.text = std::move(answer.text);
  whole.finish = answer.finish;
  whole.tokens = std::move(answer.tokens);
  whole.announces_call = answer.announced_call;
  output.Add(whole);
  End(answer.finish, output, answers.usage(), turn);
  HttpResponse response;
  response.body = turn.response.dump();
  return response;
}

}  // namespace

HttpResponse CreateResponse(ServedModel& model, ResponseStore& store, const std::string& owner,
                            const HttpRequest& http) {
  std::vector<std::string> unknown;
  ResponseRequest request = ParseResponseRequest(http.body, model.tokenizer.vocab_size(), unknown);
  CheckModelName(model, request.options.model);
  model.unknown_fields.Report(unknown);
  std::vector<ConversationItem> items =
      Conversation(store, owner, std::move(request.input), request.previous);
  ResponsePrompt prompt = PromptOf(model, request, items);
  std::vector<AnswerRequest> asked;
  AppendChoices(model, request.options, ConstraintOf(model, request.options, /*begins_text=*/true),
                std::move(prompt.tokens), prompt.max_tokens, EchoedPrompt{}, /*choices=*/1, asked);
  asked.front().begins_text = true;
  Answers answers(model.engine, model.tokenizer, std::move(asked), TermsOf(model, http));
  Turn turn{model,
            store,
            owner,
            request.store,
            {.calls = request.tools.any(),
             .logprobs = request.options.logprobs,
             .top_logprobs = request.options.sampling.top_logprobs > 0},
            std::move(items),
            NewResponse(request, model)};
  return request.options.stream ? Streamed(std::move(answers), std::move(turn))
                                : Whole(http, answers, std::move(turn));
}

}  // namespace puna
