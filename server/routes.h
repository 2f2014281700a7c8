#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "server/api/server_state.h"
#include "server/http_server.h"
#include "server/http_types.h"

namespace puna {

// Who may use the API. Without keys: everybody.
class ApiKeys {
 public:
  explicit ApiKeys(std::vector<std::string> keys) : keys_(std::move(keys)) {}

  // The key that the request's "Authorization: Bearer KEY" or "x-api-key: KEY" names; "" if there are none.
  // Throws RequestError 401 unless it is one of the keys. Takes the same time whichever key it is, and
  // however much of it is right.
  std::string_view Check(const HttpRequest& http) const;

 private:
  std::vector<std::string> keys_;
};

// The handlers of the API by method and path. /health needs no key, everything else does. While the model is
// loaded, and for answers while the server drains, they refuse with 503. Answers that refuse say in their
// headers what HTTP wants to know: WWW-Authenticate, Retry-After. `state` outlives the handlers.
std::vector<std::tuple<std::string, std::string, HttpHandler>> ApiRoutes(ServerState& state, ApiKeys keys);

// Adds the API and the page. Before server.Start().
void AddRoutes(HttpServer& server, ServerState& state, ApiKeys keys);

}  // namespace puna
