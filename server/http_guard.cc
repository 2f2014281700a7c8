#include "server/http_guard.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "server/api_error.h"

namespace puna {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

struct HostAndPort {
  std::string host;  // lower case, without brackets
  std::string port;  // "" if absent
};

// "name", "name:80", "1.2.3.4:80", "[::1]:80".
std::optional<HostAndPort> SplitAuthority(std::string_view authority) {
  HostAndPort parts;
  std::string_view rest;
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    parts.host = Lower(authority.substr(1, close - 1));
    if (parts.host.find(':') == std::string::npos) return std::nullopt;
    rest = authority.substr(close + 1);
  } else {
    const size_t colon = std::min(authority.find(':'), authority.size());
    parts.host = Lower(authority.substr(0, colon));
    rest = authority.substr(colon);
  }
  if (!rest.empty()) {
    if (rest.front() != ':' || rest.size() > 6) return std::nullopt;
    rest.remove_prefix(1);
    if (rest.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    parts.port = std::string(rest);
  }
  const bool plain = parts.host.find_first_of("/@?#\\ \t,") == std::string::npos;
  if (parts.host.empty() || !plain) return std::nullopt;
  return parts;
}

bool IsLoopback(const std::string& host) {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool IsIpLiteral(const std::string& host) {
  in6_addr address{};  // large enough for both families
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// Whether a page of `origin` was loaded from `authority`, over http or through a proxy that speaks https.
bool SameOrigin(std::string_view origin, std::string_view authority) {
  std::string_view default_port;
  if (origin.starts_with("http://")) {
    default_port = "80";
  } else if (origin.starts_with("https://")) {
    default_port = "443";
  } else {
    return false;
  }
  const auto page = SplitAuthority(origin.substr(origin.find("://") + 3));
  const auto server = SplitAuthority(authority);
  if (!page || !server) return false;
  const auto port = [&](const HostAndPort& parts) { return parts.port.empty() ? default_port : parts.port; };
  return page->host == server->host && port(*page) == port(*server);
}

std::string_view MediaType(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return type;
}

}  // namespace

HttpGuard::HttpGuard(const HttpServerOptions& options) : origins_(options.allowed_origins) {
  const std::string own = Lower(options.host);
  hosts_.push_back("localhost");
  hosts_.push_back(own);
  for (const std::string& host : options.allowed_hosts) {
    const auto parts = SplitAuthority(host);
    if (!parts) throw Error(fmt::format("allowed host '{}' is not a host name", Printable(host)));
    hosts_.push_back(parts->host);
  }
  for (const std::string& origin : origins_) {
    const size_t scheme_end = origin.find("://");
    if (scheme_end == std::string::npos || !SplitAuthority(std::string_view(origin).substr(scheme_end + 3))) {
      throw Error(
          fmt::format("allowed origin '{}' is not of the form https://name[:port]", Printable(origin)));
    }
  }
  any_ip_literal_ = own != "localhost" && !IsLoopback(own);
}

bool HttpGuard::HostIsOurs(std::string_view authority) const {
  const auto parts = SplitAuthority(authority);
  if (!parts) return false;
  if (IsLoopback(parts->host)) return true;
  if (any_ip_literal_ && IsIpLiteral(parts->host)) return true;
  return std::find(hosts_.begin(), hosts_.end(), parts->host) != hosts_.end();
}

void HttpGuard::CheckHost(const HttpHead& head) const {
  const auto check = [this](std::string_view authority) {
    if (HostIsOurs(authority)) return;
    throw RequestError(
        403, fmt::format("Host '{}' is not one this server answers to; its operator can allow the name",
                         Printable(authority)));
  };
  // HTTP/1.0 has no Host; no browser speaks it.
  if (head.headers.contains("host")) check(head.Header("host"));
  if (!head.authority.empty()) check(head.authority);
}

std::optional<std::string> HttpGuard::AllowedOrigin(const HttpHead& head) const {
  const auto found = std::find(origins_.begin(), origins_.end(), head.Header("origin"));
  return found == origins_.end() ? std::nullopt : std::optional(*found);
}

void HttpGuard::CheckOrigin(const HttpHead& head) const {
  if (AllowedOrigin(head)) return;
  if (head.headers.contains("origin") && !SameOrigin(head.Header("origin"), head.Header("host"))) {
    throw RequestError(403,
                       fmt::format("Origin '{}' may not call this server; its operator can allow the origin",
                                   Printable(head.Header("origin"))));
  }
  if (head.Header("sec-fetch-site") != "cross-site") return;
  // Following a link from another site opens our page and no more.
  const bool follows_link = head.method == "GET" && head.Header("sec-fetch-mode") == "navigate" &&
                            head.Header("sec-fetch-dest") == "document";
  if (!follows_link) throw RequestError(403, "pages of other sites may not call this server");
}

void HttpGuard::CheckBody(const HttpHead& head) const {
  if (head.headers.contains("content-encoding")) {
    throw RequestError(415, "request bodies must be sent without Content-Encoding");
  }
  const std::string media_type = Lower(MediaType(head.Header("content-type")));
  const bool must_be_json = head.method == "POST" || head.method == "PUT" || head.method == "PATCH";
  if (must_be_json || head.has_body()) {
    if (media_type != "application/json") {
      throw RequestError(415, fmt::format("Content-Type must be application/json, found '{}'",
                                          Printable(head.Header("content-type"))));
    }
  }
  if (head.headers.contains("expect") && head.minor_version == 1) {
    if (Lower(head.Header("expect")) != "100-continue") {
      throw RequestError(417, "the only expectation understood is 100-continue");
    }
  }
}

}  // namespace puna
