#pragma once

#include <optional>
#include <string>

#include "engine/base/error.h"
#include "server/http_types.h"

namespace puna {

// A request that is refused: OpenAI's error object {message, type, param, code} with a status.
class RequestError : public Error {
 public:
  RequestError(int status, std::string message, std::optional<std::string> param = {},
               std::optional<std::string> code = {}, std::string type = "invalid_request_error");

  int status() const { return status_; }
  const std::string& type() const { return type_; }
  const std::optional<std::string>& code() const { return code_; }
  std::string Json() const;  // {"error": {...}}, all four fields present, param and code null if absent
  HttpResponse Response() const;

 private:
  int status_;
  std::string type_;
  std::optional<std::string> param_;
  std::optional<std::string> code_;
};

}  // namespace puna
