#include "server/api/chat_completions.h"

#include "server/api/answer_requests.h"
#include "server/api/answer_writer.h"
#include "server/api/chat_choice.h"
#include "server/api/chat_request.h"
#include "server/api/context_length.h"
#include "server/api/models.h"

namespace puna {
namespace {

std::vector<AnswerRequest> AnswerRequests(ServedModel& model, const ChatRequest& request,
                                          std::vector<TokenId> prompt) {
  const int by_default = model.chat_max_tokens > 0 ? model.chat_max_tokens : model.max_context;
  const int max_tokens =
      AnswerTokens(model.max_context, prompt.size(), request.max_tokens, by_default, "messages");
  std::vector<AnswerRequest> answers;
  AppendChoices(model, request.options, ConstraintOf(model, request.options, /*begins_text=*/true),
                std::move(prompt), max_tokens, EchoedPrompt{}, request.options.n, answers);
  for (AnswerRequest& answer : answers) answer.begins_text = true;
  return answers;
}

}  // namespace

HttpResponse ChatCompletions(ServedModel& model, const HttpRequest& http) {
  std::vector<std::string> unknown;
  const ChatRequest request = ParseChatRequest(http.body, model.tokenizer.vocab_size(), unknown);
  CheckModelName(model, request.options.model);
  model.unknown_fields.Report(unknown);
  AnswerHead head = NewAnswerHead("chatcmpl-", model.id, model.fingerprint);
  std::vector<TokenId> prompt = ChatPrompt(model, request.messages);
  if (request.options.token_ids) head.prompt_token_ids = prompt;
  Answers answers(model.engine, model.tokenizer, AnswerRequests(model, request, std::move(prompt)),
                  TermsOf(model, http));
  const auto format = std::make_shared<ChatChoice>(model.tokenizer, request.options, request.calls);
  if (!request.options.stream) {
    const std::vector<FinishedAnswer> finished = Collect(http, answers);
    return WholeAnswer(finished, answers.usage(), head, *format);
  }
  return StreamedAnswer(std::move(answers), std::move(head), format, request.options.include_usage);
}

}  // namespace puna
