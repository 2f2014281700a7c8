#include "server/api/completions.h"

#include "server/api/answer_requests.h"
#include "server/api/answer_writer.h"
#include "server/api/completion_request.h"
#include "server/api/context_length.h"
#include "server/api/models.h"

namespace puna {
namespace {

class CompletionFormat final : public ChoiceFormat {
 public:
  std::string_view object() const override { return "text_completion"; }
  std::string_view chunk_object() const override { return "text_completion"; }
  OrderedJson Opening(int) const override { return nullptr; }
  OrderedJson Piece(int index, std::string_view text) const override { return Choice(index, text, nullptr); }
  OrderedJson End(int index, std::string_view reason) const override { return Choice(index, "", reason); }
  OrderedJson Whole(int index, std::string_view text, std::string_view reason) const override {
    return Choice(index, text, reason);
  }

 private:
  static OrderedJson Choice(int index, std::string_view text, OrderedJson reason) {
    return {{"index", index}, {"text", text}, {"logprobs", nullptr}, {"finish_reason", std::move(reason)}};
  }
};

std::vector<TokenId> PromptTokens(const Tokenizer& tokenizer, const Prompt& prompt) {
  if (const auto* ids = std::get_if<std::vector<TokenId>>(&prompt)) return *ids;
  std::vector<TokenId> ids = tokenizer.Encode(std::get<std::string>(prompt));
  ids.insert(ids.begin(), tokenizer.bos());
  return ids;
}

// The prompt as text: a string is given back as it came.
std::string PromptText(const Tokenizer& tokenizer, const Prompt& prompt) {
  if (const auto* text = std::get_if<std::string>(&prompt)) return *text;
  AnswerText text({});
  std::string out = text.Push(tokenizer.Decode(std::get<std::vector<TokenId>>(prompt)));
  return out + text.Finish();
}

std::vector<AnswerRequest> AnswerRequests(const ServedModel& model, const CompletionRequest& request) {
  std::vector<AnswerRequest> answers;
  for (const Prompt& prompt : request.prompts) {
    std::vector<TokenId> tokens = PromptTokens(model.tokenizer, prompt);
    const int max_tokens = AnswerTokens(model.max_context, tokens.size(), request.max_tokens,
                                        kDefaultCompletionTokens, "prompt");
    AppendChoices(model, request.options, std::move(tokens), max_tokens,
                  request.echo ? PromptText(model.tokenizer, prompt) : "", answers);
  }
  return answers;
}

}  // namespace

HttpResponse Completions(ServedModel& model, const HttpRequest& http) {
  std::vector<std::string> unknown;
  const CompletionRequest request = ParseCompletionRequest(http.body, model.tokenizer.vocab_size(), unknown);
  CheckModelName(model, request.options.model);
  model.unknown_fields.Report(unknown);
  Answers answers(model.engine, model.tokenizer, AnswerRequests(model, request));
  AnswerHead head = NewAnswerHead("cmpl-", model.id, model.fingerprint);
  if (!request.options.stream) return WholeAnswer(http, std::move(answers), head, CompletionFormat());
  return StreamedAnswer(std::move(answers), std::move(head), std::make_shared<CompletionFormat>(),
                        request.options.include_usage);
}

}  // namespace puna
