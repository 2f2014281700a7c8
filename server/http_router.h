#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/http_types.h"

namespace puna {

struct HttpRoute {
  std::string method;
  std::string pattern;  // "/v1/models", or "/v1/models/*"
  HttpHandler handler;
};

// Literal routes, and routes whose last segment is free. Filled before the server starts, then read by one
// thread.
class HttpRouter {
 public:
  // REQUIRES: pattern starts with '/'; no route with this method and pattern yet.
  void Add(std::string method, std::string pattern, HttpHandler handler);

  // The route for `path`, a literal one first. HEAD finds the route of GET. Null if there is none.
  const HttpRoute* Find(std::string_view method, std::string_view path) const;

  // What an Allow header says of `path`: "GET, HEAD, OPTIONS"; "" if no route has this path.
  std::string AllowedMethods(std::string_view path) const;

 private:
  std::vector<HttpRoute> routes_;
};

}  // namespace puna
