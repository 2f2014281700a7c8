#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/http_head.h"
#include "server/http_server.h"

namespace puna {

// Which requests may reach a handler, by their head alone. Pure; may be shared by threads.
//
// The rules keep a web page of another site away from this server even if it makes a browser call it: the
// Host must be ours (DNS rebinding), the Origin must be ours or allowed, and a body must be JSON, which a
// page cannot send to another origin without asking first (CSRF).
class HttpGuard {
 public:
  explicit HttpGuard(const HttpServerOptions& options);

  // Throws RequestError 400 or 403.
  void CheckHost(const HttpHead& head) const;
  // Throws RequestError 403.
  void CheckOrigin(const HttpHead& head) const;
  // What a body is sent as. Throws RequestError 415 or 417.
  void CheckBody(const HttpHead& head) const;

  // The entry of allowed_origins that `head` came from, if any: CORS headers name it.
  std::optional<std::string> AllowedOrigin(const HttpHead& head) const;

 private:
  bool HostIsOurs(std::string_view host) const;

  std::vector<std::string> hosts_;    // lower case, without port and brackets
  std::vector<std::string> origins_;  // as given
  bool any_ip_literal_;
};

}  // namespace puna
