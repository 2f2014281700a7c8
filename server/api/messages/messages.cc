#include "server/api/messages/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/api/answer_requests.h"
#include "server/api/answer_writer.h"
#include "server/api/chat_request.h"
#include "server/api/messages/message_json.h"
#include "server/api/messages/message_request.h"
#include "server/api/messages/message_stream.h"
#include "server/api/models.h"
#include "server/error_form.h"

namespace puna {
namespace {

MessageRequest Read(ServedModel& model, const HttpRequest& http, MessagePurpose purpose) {
  std::vector<std::string> unknown;
  MessageRequest request = ParseMessageRequest(http.body, purpose, unknown);
  CheckModelName(model, request.options.model);
  model.unknown_fields.Report(unknown);
  return request;
}

std::vector<TokenId> PromptOf(const ServedModel& model, const MessageRequest& request) {
  std::vector<TokenId> prompt = ChatPrompt(model, request.conversation.messages);
  const std::vector<TokenId> begun = model.tokenizer.Encode(request.conversation.prefill);
  prompt.insert(prompt.end(), begun.begin(), begun.end());
  return prompt;
}

// What is asked for, or what is left of the context if that is less: clients ask for as much as the largest
// models can say.
int TokensFor(const ServedModel& model, size_t prompt, int wanted) {
  const auto context = static_cast<size_t>(model.max_context);
  if (prompt >= context) {
    // In Anthropic's words, by which clients know that they have to shorten the conversation.
    throw RequestError(400, fmt::format("prompt is too long: {} tokens > {} maximum", prompt, context - 1),
                       "messages", "context_length_exceeded");
  }
  return static_cast<int>(std::min(context - prompt, static_cast<size_t>(wanted)));
}

std::vector<AnswerRequest> AnswerRequests(ServedModel& model, const MessageRequest& request,
                                          std::vector<TokenId> prompt, int max_tokens) {
  const bool begins_text = request.conversation.prefill.empty();
  std::vector<AnswerRequest> answers;
  AppendChoices(model, request.options, ConstraintOf(model, request.options, begins_text), std::move(prompt),
                max_tokens, EchoedPrompt{}, /*choices=*/1, answers);
  answers.front().begins_text = begins_text;
  return answers;
}

HttpResponse Whole(const HttpRequest& http, Answers& answers, const MessageHead& head, bool calls,
                   bool cut_to_context) {
  const FinishedAnswer answer = Collect(http, answers).front();
  ToolCallReader reader;
  ToolCallReader::Parts parts;
  if (calls) {
    if (answer.announced_call) reader.Announce();
    parts = reader.Push(answer.text);
    parts.content += reader.Finish().content;
  } else {
    parts.content = answer.text;
  }
  const MessageEnd end = EndOfMessage(answer.finish, answer.stop, reader.called(), cut_to_context);
  HttpResponse response;
  response.body = MessageJson(head, ContentJson(parts), end, answers.usage()).dump();
  return response;
}

}  // namespace

HttpResponse Messages(ServedModel& model, const HttpRequest& http) {
  const MessageRequest request = Read(model, http, MessagePurpose::kAnswer);
  std::vector<TokenId> prompt = PromptOf(model, request);
  const int max_tokens = TokensFor(model, prompt.size(), request.max_tokens);
  const bool cut_to_context = max_tokens < request.max_tokens;
  Answers answers(model.engine, model.tokenizer,
                  AnswerRequests(model, request, std::move(prompt), max_tokens), TermsOf(model, http));
  MessageHead head{RandomId("msg_"), model.id, http.id};
  HttpResponse response =
      request.options.stream
          ? StreamedMessage(std::move(answers), MessageEvents(std::move(head), request.calls, cut_to_context))
          : Whole(http, answers, head, request.calls, cut_to_context);
  response.headers.emplace_back(kAnthropicRequestId, http.id);
  return response;
}

HttpResponse CountMessageTokens(ServedModel& model, const HttpRequest& http) {
  const MessageRequest request = Read(model, http, MessagePurpose::kCount);
  HttpResponse response;
  response.headers.emplace_back(kAnthropicRequestId, http.id);
  response.body = OrderedJson{{"input_tokens", PromptOf(model, request).size()}}.dump();
  return response;
}

}  // namespace puna
