#include "server/api/answer_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace puna {

std::shared_ptr<TokenConstraint> ConstraintOf(ServedModel& model, const AnswerOptions& options,
                                              bool begins_text) {
  if (!options.rules) return nullptr;
  // Without the model's end a constrained answer would have none.
  if (options.ignore_eos)
    RefuseValue("ignore_eos", fmt::format("it cannot be used together with '{}'.", options.rules->param));
  return ConstraintFor(model.constraints, *options.rules, begins_text);
}

void AppendChoices(const ServedModel& model, const AnswerOptions& options,
                   std::shared_ptr<TokenConstraint> constraint, std::vector<TokenId> prompt, int max_tokens,
                   const EchoedPrompt& echo, int choices, std::vector<AnswerRequest>& answers) {
  AnswerRequest answer;
  answer.engine.prompt = std::move(prompt);
  answer.engine.max_tokens = max_tokens;
  if (!options.ignore_eos) {
    const auto stops = model.tokenizer.stop_tokens();
    answer.engine.stop_tokens.assign(stops.begin(), stops.end());
  }
  answer.engine.sampling = options.sampling;
  answer.engine.constraint = std::move(constraint);
  // The best of them is chosen by their log-probabilities.
  if (choices > options.n) answer.engine.sampling.top_logprobs = std::max(options.sampling.top_logprobs, 0);
  answer.engine.prompt_logprobs = echo.wanted && options.logprobs;
  answer.stop = options.stop;
  answer.echo = echo.text;
  answer.wants_tokens = options.logprobs || options.token_ids || choices > options.n;
  for (int choice = 0; choice < choices; ++choice) {
    answer.engine.sampling.choice = static_cast<uint32_t>(choice);
    answer.counts_prompt = choice == 0;
    answers.push_back(answer);
    if (answer.engine.prompt_logprobs && max_tokens > 0) {
      answer.engine.prompt_logprobs = false;
      answer.repeats_echo = true;
    }
  }
}

AnswerTerms TermsOf(const ServedModel& model, const HttpRequest& http) {
  AnswerTerms terms;
  terms.figures = http.figures;
  if (model.request_timeout.count() > 0) terms.deadline = http.arrived + model.request_timeout;
  return terms;
}

}  // namespace puna
