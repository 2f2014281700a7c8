#include "server/api/chat_completions.h"

#include "server/api/answer_requests.h"
#include "server/api/answer_writer.h"
#include "server/api/chat_request.h"
#include "server/api/context_length.h"
#include "server/api/models.h"

namespace puna {
namespace {

class ChatFormat final : public ChoiceFormat {
 public:
  std::string_view object() const override { return "chat.completion"; }
  std::string_view chunk_object() const override { return "chat.completion.chunk"; }
  OrderedJson Opening(int index) const override {
    return Chunk(index, {{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}}, nullptr);
  }
  OrderedJson Piece(int index, std::string_view text) const override {
    return Chunk(index, {{"content", text}}, nullptr);
  }
  OrderedJson End(int index, std::string_view reason) const override {
    return Chunk(index, OrderedJson::object(), reason);
  }
  OrderedJson Whole(int index, std::string_view text, std::string_view reason) const override {
    return {{"index", index},
            {"message", {{"role", "assistant"}, {"content", text}, {"refusal", nullptr}}},
            {"logprobs", nullptr},
            {"finish_reason", reason}};
  }

 private:
  static OrderedJson Chunk(int index, OrderedJson delta, OrderedJson reason) {
    return {{"index", index},
            {"delta", std::move(delta)},
            {"logprobs", nullptr},
            {"finish_reason", std::move(reason)}};
  }
};

std::vector<AnswerRequest> AnswerRequests(const ServedModel& model, const ChatRequest& request) {
  std::vector<TokenId> prompt = EncodeLlama3Chat(model.tokenizer, request.messages);
  const int by_default = model.chat_max_tokens > 0 ? model.chat_max_tokens : model.max_context;
  const int max_tokens =
      AnswerTokens(model.max_context, prompt.size(), request.max_tokens, by_default, "messages");
  std::vector<AnswerRequest> answers;
  AppendChoices(model, request.options, std::move(prompt), max_tokens, "", answers);
  return answers;
}

}  // namespace

HttpResponse ChatCompletions(ServedModel& model, const HttpRequest& http) {
  std::vector<std::string> unknown;
  const ChatRequest request = ParseChatRequest(http.body, model.tokenizer.vocab_size(), unknown);
  CheckModelName(model, request.options.model);
  model.unknown_fields.Report(unknown);
  Answers answers(model.engine, model.tokenizer, AnswerRequests(model, request));
  AnswerHead head = NewAnswerHead("chatcmpl-", model.id, model.fingerprint);
  if (!request.options.stream) return WholeAnswer(http, std::move(answers), head, ChatFormat());
  return StreamedAnswer(std::move(answers), std::move(head), std::make_shared<ChatFormat>(),
                        request.options.include_usage);
}

}  // namespace puna
