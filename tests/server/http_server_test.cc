#include "server/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "server/api_error.h"
#include "tests/server/http_test_client.h"

namespace {

// Taking the descriptors themselves would leave none for UndefinedBehaviorSanitizer, which needs two to look
// at an object of a class that it has not seen.
std::atomic<bool> out_of_descriptors{false};

}  // namespace

// The linker sends the server's calls here (--wrap).
extern "C" {
int __real_accept4(int listener, sockaddr* address, socklen_t* size, int flags);
int __wrap_accept4(int listener, sockaddr* address, socklen_t* size, int flags) {
  if (!out_of_descriptors) return __real_accept4(listener, address, size, flags);
  errno = EMFILE;
  return -1;
}
}

namespace puna {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

HttpResponse Echo(const HttpRequest& request) { return Json(request.body); }

std::string StartError(HttpServerOptions options) {
  HttpServer server(std::move(options));
  try {
    server.Start();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(HttpServerTest, TakenPortIsAnErrorAtStart) {
  HttpServer first(TestOptions());
  first.Start();
  HttpServerOptions options = TestOptions();
  options.port = first.port();
  EXPECT_THAT(StartError(options), HasSubstr("port " + std::to_string(first.port()) + " is in use"));
  options.host = "localhost";
  EXPECT_THAT(StartError(options), HasSubstr("is in use"));
  options.host = "0.0.0.0";
  EXPECT_THAT(StartError(options), HasSubstr("is in use"));
}

TEST(HttpServerTest, HostsThatAreNotOursAreNamedInTheError) {
  HttpServerOptions options = TestOptions();
  options.host = "192.0.2.1";
  EXPECT_THAT(StartError(options), HasSubstr("192.0.2.1: it is not an address of this machine"));
  options.host = "no-such-host.invalid";
  EXPECT_THAT(StartError(options), HasSubstr("no-such-host.invalid"));
  options.host = "";
  EXPECT_THAT(StartError(options), HasSubstr("cannot listen on host ''"));
  options = TestOptions();
  options.port = 65536;
  EXPECT_THAT(StartError(options), HasSubstr("found 65536"));
}

TEST(HttpServerTest, ServesIpv6) {
  HttpServerOptions options = TestOptions();
  options.host = "::1";
  HttpServer server(options);
  server.Route("POST", "/echo", Echo);
  try {
    server.Start();
  } catch (const Error& error) {
    GTEST_SKIP() << "no IPv6 here: " << error.what();
  }
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(static_cast<uint16_t>(server.port()));
  address.sin6_addr = in6addr_loopback;
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string request = "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n";
  ASSERT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  char buffer[64] = {};
  ASSERT_GT(recv(fd, buffer, sizeof buffer - 1, MSG_WAITALL), 0);
  EXPECT_THAT(buffer, HasSubstr("HTTP/1.1 404"));
  close(fd);
}

class HttpServerAnswersTest : public ::testing::Test {
 protected:
  HttpServerAnswersTest() : server_(Options()) {
    server_.Route("GET", "/health", [](const HttpRequest&) { return Json("{\"status\":\"ok\"}"); });
    server_.Route("POST", "/echo", Echo);
    server_.Route("GET", "/v1/models", [](const HttpRequest&) { return Json("[]"); });
    server_.Route("GET", "/v1/models/*", [](const HttpRequest& request) { return Json(request.path); });
    server_.Route("POST", "/throw", [](const HttpRequest& request) -> HttpResponse {
      if (request.body == "1") throw RequestError(422, "no\nsuch \"thing\"", "messages[0]", "bad_thing");
      if (request.body == "2") throw std::runtime_error("the secret detail");
      if (request.body == "3") throw std::bad_alloc();
      throw 17;
    });
    server_.Route("POST", "/stream", [](const HttpRequest& request) {
      HttpResponse response;
      response.content_type = "text/event-stream";
      response.stream = [body = request.body](BodyWriter& out) {
        out.Write("");  // does not end the body
        out.Write(body);
        if (body == "throw") throw std::runtime_error("the secret detail");
        out.Write(" end");
      };
      return response;
    });
    server_.Route("GET", "/stream", [](const HttpRequest&) {
      HttpResponse response;
      response.stream = [](BodyWriter& out) { out.Write("GET"); };
      return response;
    });
    server_.Route("GET", "/headers", [](const HttpRequest& request) {
      HttpResponse response = Json("{}");
      response.headers = {{"X-Given", std::string(request.Header("x-given"))},
                          {"Cache-Control", "no-cache"},
                          {"X-Split", "a\r\nX-Injected: 1"}};
      return response;
    });
    server_.Start();
  }

  static HttpServerOptions Options() {
    HttpServerOptions options = TestOptions();
    options.allowed_origins = {"https://app.example"};
    return options;
  }

  WireAnswer Ask(std::string_view bytes) { return Exchange(server_.port(), bytes); }

  HttpServer server_;
};

TEST_F(HttpServerAnswersTest, EveryAnswerCarriesTheSecurityHeadersAndAnIdOfItsOwn) {
  const std::string own_id = "X-Request-Id: mine\r\n";
  std::string last_id;
  for (const std::string& request :
       {Get("/health", own_id), Get("/nothing"), PostJson("/echo", "1"), PostJson("/throw", "2"),
        PostJson("/stream", "x"), std::string("nonsense\r\n\r\n"),
        Get("/health", "Origin: http://evil.example\r\n")}) {
    const WireAnswer answer = Ask(request);
    EXPECT_EQ(answer.headers.at("x-content-type-options"), "nosniff") << request;
    EXPECT_EQ(answer.headers.at("referrer-policy"), "no-referrer") << request;
    EXPECT_EQ(answer.headers.at("connection"), "close") << request;
    EXPECT_EQ(answer.headers.at("cache-control"), "no-store") << request;
    EXPECT_THAT(answer.headers.at("content-security-policy"), HasSubstr("default-src 'self'")) << request;
    EXPECT_THAT(answer.headers.at("content-security-policy"), HasSubstr("frame-ancestors 'none'")) << request;
    EXPECT_THAT(answer.headers.at("x-request-id"), MatchesRegex("req-[0-9a-f]{24}")) << request;
    EXPECT_NE(answer.headers.at("x-request-id"), last_id);
    last_id = answer.headers.at("x-request-id");
  }
}

TEST_F(HttpServerAnswersTest, RoutesAreLiteralOrEndInOneFreeSegment) {
  EXPECT_EQ(Ask(Get("/v1/models?x=1")).body, "[]");
  EXPECT_EQ(Ask(Get("/v1/models/a/b%20c")).body, "/v1/models/a/b c");
  EXPECT_EQ(Ask(Get("/%76%31/models")).body, "[]");
  EXPECT_EQ(Ask(Get("http://localhost/v1/models")).body, "[]");
  for (const char* path :
       {"/v1/models/", "/v1/modelsx", "//v1/models", "/V1/models", "/v1/models/a%00b", "/%00", "/../health",
        "/..%2fhealth", "/%2e%2e/health", "/health/", "/health%00", "/", "/v1/models/a%0d%0ab"}) {
    const WireAnswer answer = Ask(Get(path));
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_NE(answer.ErrorMessage(), "") << path;
  }
}

TEST_F(HttpServerAnswersTest, WrongMethodIsToldTheRightOnes) {
  const WireAnswer answer = Ask(PostJson("/health", "{}"));
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.headers.at("allow"), "GET, HEAD, OPTIONS");
  EXPECT_NE(answer.ErrorMessage(), "");
  EXPECT_EQ(Ask(Get("/echo")).headers.at("allow"), "POST, OPTIONS");
  EXPECT_EQ(Ask("TRACE /echo HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 405);
  EXPECT_EQ(Ask("CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 400);
  EXPECT_EQ(Ask("OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\n\r\n").headers.at("allow"), "POST, OPTIONS");
}

TEST_F(HttpServerAnswersTest, HeadIsGetWithoutTheBody) {
  WireAnswer answer = Ask("HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-length"), "15");
  EXPECT_EQ(answer.body, "");
  answer = Ask("HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.Has("content-length"));
  EXPECT_EQ(answer.body, "");
}

TEST_F(HttpServerAnswersTest, BodiesArriveWithEitherFraming) {
  EXPECT_EQ(Ask(PostJson("/echo", "[1]")).body, "[1]");
  EXPECT_EQ(Ask(PostJson("/echo", "")).body, "");
  const std::string chunked =
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\n"
      "Transfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n";
  EXPECT_EQ(Ask(chunked).body, "[1]");
  const std::string large(4 << 20, 'x');
  EXPECT_EQ(Ask(PostJson("/echo", large)).body, large);
}

TEST_F(HttpServerAnswersTest, ExpectationIsMetBeforeTheBodyIsSent) {
  WireClient client(server_.port());
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 3\r\n"
      "Expect: 100-continue\r\n\r\n");
  ASSERT_TRUE(client.ReadUntil("HTTP/1.1 100 Continue\r\n\r\n"));
  client.Send("[1]");
  EXPECT_EQ(client.ReadAnswer().body, "[1]");
  // A refusal comes instead of it.
  EXPECT_EQ(Ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                "Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
                .status,
            413);
}

TEST_F(HttpServerAnswersTest, RequestErrorsAreTheirAnswer) {
  const WireAnswer answer = Ask(PostJson("/throw", "1"));
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(
      answer.body,
      R"({"error":{"message":"no\nsuch \"thing\"","type":"invalid_request_error","param":"messages[0]",)"
      R"("code":"bad_thing"}})");
}

TEST_F(HttpServerAnswersTest, OtherExceptionsShowNothingButTheRequestId) {
  for (const char* body : {"2", "3", "4"}) {
    const WireAnswer answer = Ask(PostJson("/throw", body));
    EXPECT_EQ(answer.status, 500) << body;
    EXPECT_THAT(answer.ErrorMessage(), HasSubstr(answer.headers.at("x-request-id"))) << body;
    EXPECT_THAT(answer.body, Not(HasSubstr("secret"))) << body;
  }
  EXPECT_EQ(Ask(Get("/health")).status, 200);
}

TEST_F(HttpServerAnswersTest, StreamsAreChunkedAndEndWhole) {
  WireAnswer answer = Ask(PostJson("/stream", "body"));
  EXPECT_EQ(answer.headers.at("transfer-encoding"), "chunked");
  EXPECT_EQ(answer.headers.at("content-type"), "text/event-stream");
  EXPECT_EQ(answer.headers.at("cache-control"), "no-store");
  EXPECT_EQ(answer.headers.at("x-accel-buffering"), "no");
  EXPECT_EQ(answer.body, "body end");
  EXPECT_TRUE(answer.whole);
  // HTTP/1.0 has no chunks.
  answer = Ask("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(answer.Has("transfer-encoding"));
  EXPECT_EQ(answer.body, "GET");
}

TEST_F(HttpServerAnswersTest, AStreamThatFailsIsNotEndedAsIfItWereWhole) {
  const WireAnswer answer = Ask(PostJson("/stream", "throw"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "throw");
  EXPECT_FALSE(answer.whole);
}

TEST_F(HttpServerAnswersTest, NoHeaderCanBeInjected) {
  const WireAnswer answer = Ask(Get("/headers", "X-Given: a%0d%0aX-Injected: 1\r\n"));
  EXPECT_EQ(answer.headers.at("x-given"), "a%0d%0aX-Injected: 1");
  EXPECT_FALSE(answer.Has("x-injected"));
  EXPECT_EQ(answer.headers.at("cache-control"), "no-cache");
}

TEST_F(HttpServerAnswersTest, RangesAndEncodingsAreNotAnswered) {
  std::string ranges = "Range: bytes=0-0";
  for (int i = 0; i < 1000; ++i) ranges += ",0-0";
  const WireAnswer answer = Ask(Get("/health", ranges + "\r\nAccept-Encoding: gzip, br\r\n"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "{\"status\":\"ok\"}");
  EXPECT_FALSE(answer.Has("content-encoding"));
}

TEST_F(HttpServerAnswersTest, OneRequestPerConnection) {
  EXPECT_EQ(Ask(Get("/health") + Get("/v1/models")).body, "{\"status\":\"ok\"}");
  EXPECT_EQ(Ask(PostJson("/echo", "[1]") + Get("/v1/models")).body, "[1]");
}

TEST_F(HttpServerAnswersTest, AHalfClosedClientGetsItsAnswer) {
  WireClient client(server_.port());
  client.Send(PostJson("/echo", "[1]"));
  client.HalfClose();
  EXPECT_EQ(client.ReadAnswer().body, "[1]");
}

TEST_F(HttpServerAnswersTest, AllowedOriginsGetCorsAnswersAndNobodyElse) {
  const std::string origin = "Origin: https://app.example\r\n";
  WireAnswer answer = Ask(Get("/health", origin));
  EXPECT_EQ(answer.headers.at("access-control-allow-origin"), "https://app.example");
  EXPECT_EQ(answer.headers.at("vary"), "Origin");
  EXPECT_FALSE(answer.Has("access-control-allow-credentials"));
  answer =
      Ask("OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\n" + origin +
          "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n\r\n");
  EXPECT_EQ(answer.status, 204);
  EXPECT_THAT(answer.headers.at("access-control-allow-methods"), HasSubstr("POST"));
  EXPECT_THAT(answer.headers.at("access-control-allow-headers"), HasSubstr("Authorization"));
  EXPECT_FALSE(answer.Has("content-length"));
  // Refusals are readable for the page that caused them.
  EXPECT_TRUE(Ask(Get("/nothing", origin)).Has("access-control-allow-origin"));
  EXPECT_FALSE(Ask(Get("/health")).Has("access-control-allow-origin"));
  answer =
      Ask("OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n"
          "Access-Control-Request-Method: POST\r\n\r\n");
  EXPECT_EQ(answer.status, 403);
  EXPECT_FALSE(answer.Has("access-control-allow-origin"));
}

class TextSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::string text() {
    std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    text_.append(message.payload.data(), message.payload.size()).push_back('\n');
  }
  void flush_() override {}

  std::string text_;  // guarded by mutex_
};

// Keeps what the program logs while it lives.
class CapturedLog {
 public:
  CapturedLog() : sink_(std::make_shared<TextSink>()), before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("captured", sink_));
  }
  ~CapturedLog() { spdlog::set_default_logger(before_); }
  std::string text() const { return sink_->text(); }

 private:
  const std::shared_ptr<TextSink> sink_;
  const std::shared_ptr<spdlog::logger> before_;
};

TEST(HttpAccessLogTest, OneLinePerRequestWithoutWhatTheClientWrote) {
  const CapturedLog log;
  {
    HttpServer server(TestOptions());
    server.Route("POST", "/echo/*", Echo);
    server.Start();
    Exchange(server.port(), PostJson("/echo/canary-path?canary-query", "[\"canary-body\"]",
                                     "Authorization: Bearer canary-key\r\nX: canary-header\r\n"));
    Exchange(server.port(), Get("/canary%0a\x1b[2J", "X: \x1b[2J\r\n"));
    Exchange(server.port(), "\x1b[2J\r\n\r\n");
    server.Stop();
  }
  const std::string text = log.text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
  EXPECT_THAT(text, HasSubstr("method=POST route=/echo/* status=200"));
  EXPECT_THAT(text, Not(HasSubstr("canary")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(HttpServerTest, OutOfDescriptorsItServesAgainAsSoonAsThereAreSome) {
  const CapturedLog log;
  HttpServer server(TestOptions());
  server.Route("POST", "/echo", Echo);
  server.Start();
  out_of_descriptors = true;
  WireClient client(server.port());
  client.Send(PostJson("/echo", "2"));
  while (log.text().find("cannot accept a connection: Too many open files") == std::string::npos)
    std::this_thread::yield();
  out_of_descriptors = false;
  EXPECT_EQ(client.ReadAnswer().body, "2");
}

}  // namespace
}  // namespace puna
