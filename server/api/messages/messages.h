#pragma once

#include "server/api/served_model.h"
#include "server/http_types.h"

namespace puna {

// POST /v1/messages, Anthropic's API: a chat, whole or streamed, also with tools. Throws RequestError.
HttpResponse Messages(ServedModel& model, const HttpRequest& http);

// POST /v1/messages/count_tokens: how many tokens the prompt of such a request has.
HttpResponse CountMessageTokens(ServedModel& model, const HttpRequest& http);

}  // namespace puna
