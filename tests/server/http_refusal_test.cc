// Requests that must be refused before any handler runs, sent to a server that is asked for its health after
// each.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "server/http_server.h"
#include "tests/server/http_test_client.h"

namespace puna {
namespace {

// Resident anonymous memory of this process, in kilobytes.
long AnonymousKilobytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("RssAnon:")) return std::stol(line.substr(8));
  }
  return 0;
}

class HttpRefusalTest : public ::testing::Test {
 protected:
  HttpRefusalTest() : server_(Options()) {
    server_.Route("GET", "/health", [](const HttpRequest&) { return Json("ok"); });
    for (const char* method : {"GET", "POST"}) {
      server_.Route(method, "/run", [this](const HttpRequest&) {
        ++handled_;
        return Json("ran");
      });
    }
    server_.Start();
  }

  static HttpServerOptions Options() {
    HttpServerOptions options = TestOptions();
    options.limits.max_body_bytes = 1 << 20;
    return options;
  }

  void ExpectRefused(int status, const std::string& bytes) {
    const std::string shown = bytes.substr(0, 300);
    const long before = AnonymousKilobytes();
    const WireAnswer answer = Exchange(server_.port(), bytes);
    EXPECT_EQ(answer.status, status) << shown;
    EXPECT_NE(answer.ErrorMessage(), "") << shown << "\n" << answer.body;
    EXPECT_TRUE(answer.whole) << shown;
    EXPECT_EQ(handled_, 0) << shown;
    EXPECT_LT(AnonymousKilobytes() - before, 32 << 10) << shown;
    EXPECT_EQ(Exchange(server_.port(), Get("/health")).body, "ok") << shown;
  }

  static std::string Post(const std::string& headers, const std::string& body = "") {
    return "POST /run HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n" + body;
  }

  std::atomic<int> handled_{0};
  HttpServer server_;
};

TEST_F(HttpRefusalTest, PagesOfOtherSites) {
  const std::string json = "Content-Type: application/json\r\nContent-Length: 2\r\n";
  ExpectRefused(403, "GET /run HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  ExpectRefused(403, "GET /run HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n");
  ExpectRefused(403, "GET http://evil.example/run HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ExpectRefused(400, "GET /run HTTP/1.1\r\n\r\n");
  ExpectRefused(403, Post(json + "Origin: http://evil.example\r\n", "{}"));
  ExpectRefused(403, Post(json + "Origin: null\r\n", "{}"));
  ExpectRefused(403, Post(json + "Origin: http://localhost:1\r\n", "{}"));
  ExpectRefused(403, Post(json + "Sec-Fetch-Site: cross-site\r\n", "{}"));
  ExpectRefused(415, Post("Content-Type: text/plain\r\nContent-Length: 2\r\n", "{}"));
  ExpectRefused(415, Post("Content-Length: 2\r\n", "{}"));
  ExpectRefused(404, Get("/../run"));
}

TEST_F(HttpRefusalTest, ASecondRequestInARefusedBodyNeverRuns) {
  const std::string second = Get("/run");
  ExpectRefused(403, Post("Content-Type: text/plain\r\nOrigin: http://evil.example\r\nContent-Length: " +
                              std::to_string(second.size()) + "\r\n",
                          second));
  // Also when it arrives after the refusal.
  WireClient client(server_.port());
  client.Send(Post("Content-Type: text/plain\r\nOrigin: http://evil.example\r\nContent-Length: " +
                   std::to_string(second.size()) + "\r\n"));
  ASSERT_TRUE(client.ReadUntil("403"));
  client.Send(second);
  const std::string all = client.ReadAll();
  EXPECT_EQ(all.rfind("HTTP/1.1"), 0u) << all;
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpRefusalTest, FramingThatCanBeReadInTwoWays) {
  const std::string json = "Content-Type: application/json\r\n";
  ExpectRefused(400, Post(json + "Content-Length: 2\r\nContent-Length: 3\r\n", "{}"));
  ExpectRefused(400, Post(json + "Content-Length: 2\r\nContent-Length: 2\r\n", "{}"));
  ExpectRefused(400, Post(json + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "{}"));
  ExpectRefused(400, Post(json + "Transfer-Encoding: chunked\r\n", "-2\r\n{}\r\n0\r\n\r\n"));
  ExpectRefused(400, Post(json + "Transfer-Encoding: chunked\r\n", "0x2\r\n{}\r\n0\r\n\r\n"));
  ExpectRefused(400, Post(json + "Transfer-Encoding: chunked\r\n", "zz\r\n"));
  ExpectRefused(400, Post(json + "Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n"));
}

TEST_F(HttpRefusalTest, BytesThatHaveNoPlaceInARequest) {
  using std::string_literals::operator""s;
  ExpectRefused(400, "GET /run\0 HTTP/1.1\r\nHost: localhost\r\n\r\n"s);
  ExpectRefused(400, "GET /run HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n"s);
  ExpectRefused(400, "GET /run HTTP/1.1\r\nHost: localhost\r\nX\x01: a\r\n\r\n"s);
  ExpectRefused(400, "GET /run HTTP/1.1\r\nHost: local\x7fhost\r\n\r\n"s);
  ExpectRefused(400, "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n"s);
  ExpectRefused(400, "GET /run HTTP/1.1\nHost: localhost\n\n"s);
}

TEST_F(HttpRefusalTest, TooMuchOfAnything) {
  ExpectRefused(431, "GET /run HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(40 << 10, 'a') + "\r\n\r\n");
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += "X: 1\r\n";
  ExpectRefused(431, "GET /run HTTP/1.1\r\nHost: localhost\r\n" + lines + "\r\n");
  ExpectRefused(414, "GET /run?" + std::string(9 << 10, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ExpectRefused(414, "GET /" + std::string(20 << 20, 'a'));
  const std::string json = "Content-Type: application/json\r\n";
  const std::string body((1 << 20) + 1, 'x');
  ExpectRefused(413, Post(json + "Content-Length: " + std::to_string(body.size()) + "\r\n", body));
  ExpectRefused(413, Post(json + "Content-Length: 99999999999999999999999999\r\n"));
  ExpectRefused(413, Post(json + "Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n"));
  std::string chunked;
  for (int i = 0; i < 30; ++i) chunked += "100000\r\n" + std::string(1 << 20, 'x') + "\r\n";
  ExpectRefused(413, Post(json + "Transfer-Encoding: chunked\r\n", chunked + "0\r\n\r\n"));
}

TEST_F(HttpRefusalTest, BodiesThatAreNotPlainJson) {
  ExpectRefused(
      415, Post("Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n", "{}"));
  ExpectRefused(415, Post("Content-Type: multipart/form-data; boundary=a\r\nContent-Length: 2\r\n", "{}"));
  ExpectRefused(417,
                Post("Content-Type: application/json\r\nExpect: miracles\r\nContent-Length: 2\r\n", "{}"));
}

TEST_F(HttpRefusalTest, RequestsThatBreakOff) {
  for (const std::string& start :
       {std::string("GET /ru"), Post("Content-Type: application/json\r\nContent-Length: 9\r\n", "{")}) {
    WireClient client(server_.port());
    client.Send(start);
    client.HalfClose();
    EXPECT_EQ(client.ReadAnswer().status, 400) << start;
  }
  EXPECT_EQ(handled_, 0);
}

}  // namespace
}  // namespace puna
