#include "server/api_error.h"

#include <nlohmann/json.hpp>

namespace puna {

RequestError::RequestError(int status, std::string message, std::optional<std::string> param,
                           std::optional<std::string> code, std::string type)
    : Error(message),
      status_(status),
      type_(std::move(type)),
      param_(std::move(param)),
      code_(std::move(code)) {}

std::string RequestError::Json() const {
  const auto text_or_null = [](const std::optional<std::string>& text) {
    return text ? nlohmann::ordered_json(*text) : nlohmann::ordered_json(nullptr);
  };
  const nlohmann::ordered_json error = {{"error",
                                         {{"message", what()},
                                          {"type", type_},
                                          {"param", text_or_null(param_)},
                                          {"code", text_or_null(code_)}}}};
  // A message may quote the request; bytes that are not UTF-8 must not turn an error into an exception.
  return error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

HttpResponse RequestError::Response() const {
  HttpResponse response;
  response.status = status_;
  response.body = Json();
  return response;
}

}  // namespace puna
