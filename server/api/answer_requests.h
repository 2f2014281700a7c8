#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/api/answer_options.h"
#include "server/api/served_model.h"
#include "server/generation.h"
#include "server/http_types.h"

namespace puna {

// What is sent of a prompt before each of its choices.
struct EchoedPrompt {
  std::string text;
  bool wanted = false;
};

// Appends what the engine is asked for one prompt: so many answers, each a choice of its own.
// `constraint`: what the answers must look like, or null.
void AppendChoices(const ServedModel& model, const AnswerOptions& options,
                   std::shared_ptr<TokenConstraint> constraint, std::vector<TokenId> prompt, int max_tokens,
                   const EchoedPrompt& echo, int choices, std::vector<AnswerRequest>& answers);

// What the options ask of answers that are texts of their own, or go on with one (completions). Throws
// RequestError 400 if it cannot be enforced.
std::shared_ptr<TokenConstraint> ConstraintOf(ServedModel& model, const AnswerOptions& options,
                                              bool begins_text);

// The deadline of a request that arrived as `http` says, and where its figures go.
AnswerTerms TermsOf(const ServedModel& model, const HttpRequest& http);

}  // namespace puna
