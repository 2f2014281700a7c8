#include "server/api/answer_requests.h"

#include <algorithm>
#include <utility>

namespace puna {

void AppendChoices(const ServedModel& model, const AnswerOptions& options, std::vector<TokenId> prompt,
                   int max_tokens, const EchoedPrompt& echo, int choices,
                   std::vector<AnswerRequest>& answers) {
  AnswerRequest answer;
  answer.engine.prompt = std::move(prompt);
  answer.engine.max_tokens = max_tokens;
  if (!options.ignore_eos) {
    const auto stops = model.tokenizer.stop_tokens();
    answer.engine.stop_tokens.assign(stops.begin(), stops.end());
  }
  answer.engine.sampling = options.sampling;
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
