#include "server/api/chat_completions.h"

#include "server/api/answer_requests.h"
#include "server/api/answer_writer.h"
#include "server/api/chat_request.h"
#include "server/api/context_length.h"
#include "server/api/models.h"

namespace puna {
namespace {

class ChatChoiceFormat final : public ChoiceFormat {
 public:
  ChatChoiceFormat(const Tokenizer& tokenizer, const AnswerOptions& options)
      : tokenizer_(tokenizer),
        logprobs_(options.logprobs),
        top_(options.sampling.top_logprobs > 0),
        token_ids_(options.token_ids) {}

  std::string_view object() const override { return "chat.completion"; }
  std::string_view chunk_object() const override { return "chat.completion.chunk"; }
  OrderedJson Opening(int index) const override {
    return Chunk(index, {{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}}, nullptr);
  }
  OrderedJson Piece(const AnswerEvent& event) const override {
    OrderedJson choice = Chunk(event.index, {{"content", event.text}}, nullptr);
    AddTokens(event.tokens, choice);
    return choice;
  }
  OrderedJson End(int index, std::string_view reason) const override {
    return Chunk(index, OrderedJson::object(), reason);
  }
  OrderedJson Whole(int index, const FinishedAnswer& answer, std::string_view reason) const override {
    OrderedJson choice = {
        {"index", index},
        {"message", {{"role", "assistant"}, {"content", answer.text}, {"refusal", nullptr}}},
        {"logprobs", nullptr},
        {"finish_reason", reason}};
    AddTokens(answer.tokens, choice);
    return choice;
  }

 private:
  static OrderedJson Chunk(int index, OrderedJson delta, OrderedJson reason) {
    return {{"index", index},
            {"delta", std::move(delta)},
            {"logprobs", nullptr},
            {"finish_reason", std::move(reason)}};
  }

  void AddTokens(std::span<const AnswerToken> tokens, OrderedJson& choice) const {
    if (logprobs_) choice["logprobs"] = ChatLogprobs(tokenizer_, tokens, top_);
    if (token_ids_) choice["token_ids"] = GeneratedTokenIds(tokens);
  }

  const Tokenizer& tokenizer_;
  const bool logprobs_;
  const bool top_;
  const bool token_ids_;
};

std::vector<AnswerRequest> AnswerRequests(const ServedModel& model, const ChatRequest& request,
                                          std::vector<TokenId> prompt) {
  const int by_default = model.chat_max_tokens > 0 ? model.chat_max_tokens : model.max_context;
  const int max_tokens =
      AnswerTokens(model.max_context, prompt.size(), request.max_tokens, by_default, "messages");
  std::vector<AnswerRequest> answers;
  AppendChoices(model, request.options, std::move(prompt), max_tokens, EchoedPrompt{}, request.options.n,
                answers);
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
  const auto format = std::make_shared<ChatChoiceFormat>(model.tokenizer, request.options);
  if (!request.options.stream) {
    const std::vector<FinishedAnswer> finished = Collect(http, answers);
    return WholeAnswer(finished, answers.usage(), head, *format);
  }
  return StreamedAnswer(std::move(answers), std::move(head), format, request.options.include_usage);
}

}  // namespace puna
