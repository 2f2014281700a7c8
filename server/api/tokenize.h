#pragma once

#include "server/api/served_model.h"
#include "server/http_types.h"

namespace puna {

// What OpenAI's API does not have and users of local servers expect; field by field in docs/api.md. All throw
// RequestError.

// POST /tokenize: a text ("content", or "prompt" with a BOS in front) or a chat ("messages") as token ids.
HttpResponse Tokenize(ServedModel& model, const HttpRequest& http);

// POST /detokenize: token ids as text, special tokens by name.
HttpResponse Detokenize(ServedModel& model, const HttpRequest& http);

// POST /apply-template: the text that a chat becomes, special tokens by name.
HttpResponse ApplyTemplate(ServedModel& model, const HttpRequest& http);

}  // namespace puna
