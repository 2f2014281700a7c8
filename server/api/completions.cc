#include "server/api/completions.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "server/api/answer_requests.h"
#include "server/api/answer_writer.h"
#include "server/api/completion_request.h"
#include "server/api/context_length.h"
#include "server/api/models.h"

namespace puna {
namespace {

class CompletionFormat final : public ChoiceFormat {
 public:
  // `prompts`: of the choices in order of index, so many choices each; needed if their ids are asked for.
  CompletionFormat(const Tokenizer& tokenizer, const AnswerOptions& options,
                   std::vector<std::vector<TokenId>> prompts)
      : tokenizer_(tokenizer),
        logprobs_(options.logprobs),
        token_ids_(options.token_ids),
        choices_(static_cast<size_t>(options.n)),
        prompts_(std::move(prompts)) {}

  std::string_view object() const override { return "text_completion"; }
  std::string_view chunk_object() const override { return "text_completion"; }
  OrderedJson Opening(int index) const override {
    if (!token_ids_) return nullptr;
    OrderedJson choice = Choice(index, "", nullptr);
    AddPrompt(choice);
    choice["token_ids"] = OrderedJson::array();
    return choice;
  }
  std::vector<OrderedJson> Pieces(const AnswerEvent& event) override {
    if (event.text.empty() && event.tokens.empty()) return {};
    OrderedJson choice = Choice(event.index, event.text, nullptr);
    AddTokens(event.tokens, choice);
    return {choice};
  }
  OrderedJson End(int index, std::string_view reason) override { return Choice(index, "", reason); }
  OrderedJson Whole(int index, const FinishedAnswer& answer, std::string_view reason) override {
    OrderedJson choice = Choice(index, answer.text, reason);
    AddPrompt(choice);
    AddTokens(answer.tokens, choice);
    return choice;
  }

 private:
  static OrderedJson Choice(int index, std::string_view text, OrderedJson reason) {
    return {{"index", index}, {"text", text}, {"logprobs", nullptr}, {"finish_reason", std::move(reason)}};
  }

  void AddPrompt(OrderedJson& choice) const {
    if (token_ids_) choice["prompt_token_ids"] = prompts_[choice["index"].get<size_t>() / choices_];
  }

  void AddTokens(std::span<const AnswerToken> tokens, OrderedJson& choice) const {
    if (logprobs_) choice["logprobs"] = CompletionLogprobs(tokenizer_, tokens);
    if (token_ids_) choice["token_ids"] = GeneratedTokenIds(tokens);
  }

  const Tokenizer& tokenizer_;
  const bool logprobs_;
  const bool token_ids_;
  const size_t choices_;
  const std::vector<std::vector<TokenId>> prompts_;
};

// The prompt as text: a string is given back as it came.
std::string PromptText(const Tokenizer& tokenizer, const Prompt& prompt) {
  if (const auto* text = std::get_if<std::string>(&prompt)) return *text;
  AnswerText text({});
  std::string out = text.Push(tokenizer.Decode(std::get<std::vector<TokenId>>(prompt)));
  return out + text.Finish();
}

std::vector<AnswerRequest> AnswerRequests(ServedModel& model, const CompletionRequest& request,
                                          const std::vector<std::vector<TokenId>>& prompts) {
  const std::shared_ptr<TokenConstraint> constraint =
      ConstraintOf(model, request.options, /*begins_text=*/false);
  std::vector<AnswerRequest> answers;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const int max_tokens = AnswerTokens(model.max_context, prompts[i].size(), request.max_tokens,
                                        kDefaultCompletionTokens, "prompt");
    EchoedPrompt echo;
    echo.wanted = request.echo;
    if (echo.wanted) echo.text = PromptText(model.tokenizer, request.prompts[i]);
    AppendChoices(model, request.options, constraint, prompts[i], max_tokens, echo, request.best_of, answers);
  }
  return answers;
}

// How probable the model found the answer, per token: the mean of their log-probabilities.
double MeanLogprob(const FinishedAnswer& answer) {
  double sum = 0;
  int tokens = 0;
  for (const AnswerToken& token : answer.tokens) {
    if (token.in_prompt || !token.logprobs) continue;
    sum += static_cast<double>(token.logprobs->chosen);
    ++tokens;
  }
  return tokens > 0 ? sum / tokens : 0;
}

// The `kept` most probable of each `computed` answers, the most probable first.
std::vector<FinishedAnswer> KeepBest(std::vector<FinishedAnswer> answers, int computed, int kept) {
  if (computed == kept) return answers;
  std::vector<FinishedAnswer> best;
  for (auto group = answers.begin(); group != answers.end(); group += computed) {
    std::stable_sort(group, group + computed, [](const FinishedAnswer& a, const FinishedAnswer& b) {
      return MeanLogprob(a) > MeanLogprob(b);
    });
    std::move(group, group + kept, std::back_inserter(best));
  }
  return best;
}

}  // namespace

HttpResponse Completions(ServedModel& model, const HttpRequest& http) {
  std::vector<std::string> unknown;
  const CompletionRequest request = ParseCompletionRequest(http.body, model.tokenizer.vocab_size(), unknown);
  CheckModelName(model, request.options.model);
  model.unknown_fields.Report(unknown);
  std::vector<std::vector<TokenId>> prompts;
  for (const Prompt& prompt : request.prompts) prompts.push_back(PromptTokens(model.tokenizer, prompt));
  Answers answers(model.engine, model.tokenizer, AnswerRequests(model, request, prompts),
                  TermsOf(model, http));
  AnswerHead head = NewAnswerHead("cmpl-", model.id, model.fingerprint);
  const auto format =
      std::make_shared<CompletionFormat>(model.tokenizer, request.options, std::move(prompts));
  if (!request.options.stream) {
    const std::vector<FinishedAnswer> finished =
        KeepBest(Collect(http, answers), request.best_of, request.options.n);
    return WholeAnswer(finished, answers.usage(), head, *format);
  }
  return StreamedAnswer(std::move(answers), std::move(head), format, request.options.include_usage);
}

}  // namespace puna
