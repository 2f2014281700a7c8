#include "server/http_router.h"

#include <algorithm>

#include "engine/base/check.h"

namespace puna {
namespace {

bool HasControl(std::string_view path) {
  return std::any_of(path.begin(), path.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool Matches(const HttpRoute& route, std::string_view path, bool literal) {
  const std::string_view pattern = route.pattern;
  if (literal) return pattern == path;
  if (!pattern.ends_with("/*")) return false;
  const std::string_view prefix = pattern.substr(0, pattern.size() - 1);
  return path.size() > prefix.size() && path.starts_with(prefix) && !HasControl(path);
}

}  // namespace

void HttpRouter::Add(std::string method, std::string pattern, HttpHandler handler) {
  CHECK(pattern.starts_with('/')) << pattern;
  for (const HttpRoute& route : routes_) {
    CHECK(route.method != method || route.pattern != pattern) << method << ' ' << pattern << " twice";
  }
  routes_.push_back({std::move(method), std::move(pattern), std::move(handler)});
}

const HttpRoute* HttpRouter::Find(std::string_view method, std::string_view path) const {
  if (method == "HEAD") method = "GET";
  for (const bool literal : {true, false}) {
    for (const HttpRoute& route : routes_) {
      if (route.method == method && Matches(route, path, literal)) return &route;
    }
  }
  return nullptr;
}

std::string HttpRouter::AllowedMethods(std::string_view path) const {
  std::vector<std::string> methods;
  const auto add = [&](std::string_view method) {
    if (std::find(methods.begin(), methods.end(), method) == methods.end()) methods.emplace_back(method);
  };
  for (const HttpRoute& route : routes_) {
    if (!Matches(route, path, true) && !Matches(route, path, false)) continue;
    add(route.method);
    if (route.method == "GET") add("HEAD");
  }
  if (methods.empty()) return "";
  add("OPTIONS");
  std::string list;
  for (const std::string& method : methods) list += (list.empty() ? "" : ", ") + method;
  return list;
}

}  // namespace puna
