#pragma once

#include <string>
#include <string_view>

#include "server/api_error.h"
#include "server/http_types.h"

namespace puna {

// The answer that a refused request gets, in the form of the API it speaks: Anthropic's for /v1/messages and
// what is below, OpenAI's for all else. Also for what is refused before a handler has seen it.
HttpResponse ErrorResponse(const RequestError& error, const HttpRequest& request);

// {"type": "error", "error": {"type", "message"}, "request_id"}: Anthropic's error object. Its types follow
// from the status.
std::string AnthropicErrorJson(const RequestError& error, std::string_view request_id);

// The code of a request that relies on a conversation kept by the server.
inline constexpr std::string_view kThreadUnsupported = "thread_unsupported_request";

// The header in which Anthropic's clients look for the request's id.
inline constexpr std::string_view kAnthropicRequestId = "request-id";

}  // namespace puna
