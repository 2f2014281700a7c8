#pragma once

#include <string>
#include <vector>

#include "server/api/answer_options.h"
#include "server/api/served_model.h"
#include "server/generation.h"

namespace puna {

// Appends what the engine is asked for one prompt: options.n answers, each a choice of its own. `echo` is
// sent before each.
void AppendChoices(const ServedModel& model, const AnswerOptions& options, std::vector<TokenId> prompt,
                   int max_tokens, const std::string& echo, std::vector<AnswerRequest>& answers);

}  // namespace puna
