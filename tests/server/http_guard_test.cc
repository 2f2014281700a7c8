#include "server/http_guard.h"

#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "server/api_error.h"

namespace puna {
namespace {

HttpServerOptions Options(std::string host, std::vector<std::string> hosts = {},
                          std::vector<std::string> origins = {}) {
  HttpServerOptions options;
  options.host = std::move(host);
  options.allowed_hosts = std::move(hosts);
  options.allowed_origins = std::move(origins);
  return options;
}

template <typename Check>
int StatusOf(Check check) {
  try {
    check();
    return 200;
  } catch (const RequestError& error) {
    return error.status();
  }
}

int HostStatus(const HttpGuard& guard, const std::string& host) {
  HttpHead head;
  head.headers["host"] = host;
  return StatusOf([&] { guard.CheckHost(head); });
}

int OriginStatus(const HttpGuard& guard, std::map<std::string, std::string> headers,
                 std::string method = "POST") {
  HttpHead head;
  head.method = std::move(method);
  head.headers = std::move(headers);
  return StatusOf([&] { guard.CheckOrigin(head); });
}

TEST(HttpGuardTest, OnLoopbackOnlyLoopbackNamesAreOurs) {
  const HttpGuard guard(Options("127.0.0.1"));
  for (const char* host :
       {"localhost", "LocalHost:8080", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:65535"}) {
    EXPECT_EQ(HostStatus(guard, host), 200) << host;
  }
  for (const char* host : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1",
                           "[::2]", "::1", "localhost:80:80", "localhost:8a", "user@localhost",
                           "localhost, evil.example", "2130706433", "localhost:123456"}) {
    EXPECT_EQ(HostStatus(guard, host), 403) << host;
  }
}

TEST(HttpGuardTest, OnOtherAddressesAnyAddressIsOursButNoOtherName) {
  const HttpGuard guard(Options("0.0.0.0", {"box.lan", "Other.LAN:81"}));
  for (const char* host :
       {"10.0.0.1:8080", "[fe80::1]:8080", "localhost", "box.lan", "BOX.lan:8080", "other.lan"}) {
    EXPECT_EQ(HostStatus(guard, host), 200) << host;
  }
  EXPECT_EQ(HostStatus(guard, "evil.example"), 403);
  EXPECT_EQ(HostStatus(HttpGuard(Options("box.lan")), "box.lan:1"), 200);
}

TEST(HttpGuardTest, TheHostOfAnAbsoluteTargetCountsToo) {
  const HttpGuard guard(Options("127.0.0.1"));
  HttpHead head;
  head.headers["host"] = "localhost";
  head.authority = "evil.example";
  EXPECT_EQ(StatusOf([&] { guard.CheckHost(head); }), 403);
  head.authority = "localhost:8080";
  EXPECT_EQ(StatusOf([&] { guard.CheckHost(head); }), 200);
}

TEST(HttpGuardTest, OnlyOurOwnAndAllowedOriginsMayCall) {
  const HttpGuard guard(Options("127.0.0.1", {}, {"https://app.example"}));
  const auto status = [&](const char* origin, const char* host) {
    return OriginStatus(guard, {{"origin", origin}, {"host", host}});
  };
  EXPECT_EQ(status("http://localhost:8080", "localhost:8080"), 200);
  EXPECT_EQ(status("http://localhost", "localhost:80"), 200);
  EXPECT_EQ(status("https://localhost", "localhost"), 200);
  EXPECT_EQ(status("http://[::1]:8080", "[::1]:8080"), 200);
  EXPECT_EQ(status("https://app.example", "localhost"), 200);
  for (const char* origin :
       {"http://localhost:3000", "http://localhost", "http://127.0.0.1:8080", "null", "",
        "http://evil.example", "https://app.example.evil", "https://app.example:444", "http://app.example",
        "HTTPS://APP.EXAMPLE", "file://", "http://localhost:8080/"}) {
    EXPECT_EQ(status(origin, "localhost:8080"), 403) << origin;
  }
}

TEST(HttpGuardTest, CrossSiteFetchesAreRefusedButLinksMayBeFollowed) {
  const HttpGuard guard(Options("127.0.0.1", {}, {"https://app.example"}));
  EXPECT_EQ(OriginStatus(guard, {{"sec-fetch-site", "cross-site"}}), 403);
  EXPECT_EQ(OriginStatus(guard, {{"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "no-cors"}}, "GET"),
            403);
  EXPECT_EQ(OriginStatus(guard, {{"sec-fetch-site", "same-origin"}}), 200);
  EXPECT_EQ(OriginStatus(guard, {{"sec-fetch-site", "cross-site"}, {"origin", "https://app.example"}}), 200);
  const std::map<std::string, std::string> link = {
      {"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "navigate"}, {"sec-fetch-dest", "document"}};
  EXPECT_EQ(OriginStatus(guard, link, "GET"), 200);
  EXPECT_EQ(OriginStatus(guard, link, "POST"), 403);
  auto frame = link;
  frame["sec-fetch-dest"] = "iframe";
  EXPECT_EQ(OriginStatus(guard, frame, "GET"), 403);
}

TEST(HttpGuardTest, BodiesMustBePlainJson) {
  const HttpGuard guard(Options("127.0.0.1"));
  const auto status = [&](std::map<std::string, std::string> headers, const char* method = "POST") {
    HttpHead head;
    head.method = method;
    head.headers = std::move(headers);
    return StatusOf([&] { guard.CheckBody(head); });
  };
  EXPECT_EQ(status({{"content-type", "application/json"}}), 200);
  EXPECT_EQ(status({{"content-type", "Application/JSON ; charset=utf-8"}}), 200);
  EXPECT_EQ(status({}, "GET"), 200);
  for (const char* type : {"", "text/plain", "application/jsonp", "multipart/form-data; boundary=x",
                           "application/x-www-form-urlencoded", "text/plain; application/json"}) {
    EXPECT_EQ(status({{"content-type", type}}), 415) << type;
  }
  EXPECT_EQ(status({}), 415);
  for (const char* encoding : {"gzip", "identity", ""}) {
    EXPECT_EQ(status({{"content-type", "application/json"}, {"content-encoding", encoding}}), 415)
        << encoding;
  }
  EXPECT_EQ(status({{"content-type", "application/json"}, {"expect", "100-Continue"}}), 200);
  EXPECT_EQ(status({{"content-type", "application/json"}, {"expect", "200-ok"}}), 417);
}

TEST(HttpGuardTest, OptionsThatCannotWorkAreRefusedAtTheStart) {
  EXPECT_THROW(HttpGuard(Options("127.0.0.1", {"http://box"})), Error);
  EXPECT_THROW(HttpGuard(Options("127.0.0.1", {}, {"*"})), Error);
  EXPECT_THROW(HttpGuard(Options("127.0.0.1", {}, {"https://app.example/"})), Error);
}

}  // namespace
}  // namespace puna
