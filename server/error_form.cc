#include "server/error_form.h"

#include <nlohmann/json.hpp>

namespace puna {
namespace {

constexpr std::string_view kMessages = "/v1/messages";

bool SpeaksAnthropic(std::string_view path) {
  return path.starts_with(kMessages) && (path.size() == kMessages.size() || path[kMessages.size()] == '/');
}

// There, 429 is for a client that has used up what it may have; a server that has too much to do answers 529.
int AnthropicStatus(const RequestError& error) {
  const bool queue_is_full = error.status() == 429 && error.type() != "rate_limit_error";
  return queue_is_full || error.code() == "overloaded" ? 529 : error.status();
}

std::string_view AnthropicType(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 504:
      return "timeout_error";
    case 529:
      return "overloaded_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

}  // namespace

std::string AnthropicErrorJson(const RequestError& error, std::string_view request_id) {
  nlohmann::ordered_json json = {
      {"type", "error"},
      {"error", {{"type", AnthropicType(AnthropicStatus(error))}, {"message", error.what()}}},
      {"request_id", request_id}};
  // By this code the client knows that it has to send whole conversations, and does.
  if (error.code() == kThreadUnsupported) {
    json["error"]["details"] = {{"error_code", kThreadUnsupported},
                                {"unsupported", nlohmann::ordered_json::array()}};
  }
  // A message may quote the request; bytes that are not UTF-8 must not turn an error into an exception.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

HttpResponse ErrorResponse(const RequestError& error, const HttpRequest& request) {
  if (!SpeaksAnthropic(request.path)) return error.Response();
  HttpResponse response;
  response.status = AnthropicStatus(error);
  response.headers.emplace_back(kAnthropicRequestId, request.id);
  response.body = AnthropicErrorJson(error, request.id);
  return response;
}

}  // namespace puna
