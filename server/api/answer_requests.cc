#include "server/api/answer_requests.h"

#include <utility>

namespace puna {

void AppendChoices(const ServedModel& model, const AnswerOptions& options, std::vector<TokenId> prompt,
                   int max_tokens, const std::string& echo, std::vector<AnswerRequest>& answers) {
  AnswerRequest answer;
  answer.engine.prompt = std::move(prompt);
  answer.engine.max_tokens = max_tokens;
  const auto stops = model.tokenizer.stop_tokens();
  answer.engine.stop_tokens.assign(stops.begin(), stops.end());
  answer.engine.sampling = options.sampling;
  answer.stop = options.stop;
  answer.echo = echo;
  for (int choice = 0; choice < options.n; ++choice) {
    answer.engine.sampling.choice = static_cast<uint32_t>(choice);
    answer.counts_prompt = choice == 0;
    answers.push_back(answer);
  }
}

}  // namespace puna
