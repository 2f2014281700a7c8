// The API behind the real HTTP server, over sockets: who leaves, is late, or does not read frees what he
// held, and the metrics say so. Nothing here waits for a fixed time: the tests wait for what they cause.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "server/routes.h"
#include "tests/server/api_test_support.h"
#include "tests/server/http_test_client.h"

namespace puna {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kCompletions = "/v1/completions";

std::string EndlessBody(bool stream) {
  return json{{"model", "demo"}, {"prompt", "Hi"}, {"max_tokens", 400'000}, {"stream", stream}}.dump();
}

// The value of one sample, or -1.
double Sample(const std::string& metrics, const std::string& name) {
  const size_t at = metrics.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(metrics.substr(at + name.size() + 2));
}

class ServingTest : public testing::Test {
 protected:
  explicit ServingTest(std::chrono::milliseconds write_stall = 30s)
      : api_(/*max_context=*/500'000), server_(Options(write_stall)) {
    AddRoutes(server_, api_.state(), ApiKeys({}));
    server_.Start();
    api_.model().SayForEver(api_.tokenizer().Encode("x").at(0));
  }
  ~ServingTest() override { server_.Stop(); }

  std::string Metrics() { return Exchange(server_.port(), Get("/metrics")).body; }
  double Metric(const std::string& name) { return Sample(Metrics(), name); }

  // Whether it becomes true, waiting as long as a working server could need on a slow machine.
  template <typename Condition>
  static bool Eventually(Condition condition) {
    const auto limit = std::chrono::steady_clock::now() + 60s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      std::this_thread::yield();
    }
    return true;
  }
  bool CancelledFor(const std::string& reason) {
    return Eventually(
        [&] { return Metric("puna_requests_cancelled_total{reason=\"" + reason + "\"}") == 1; });
  }
  bool EverythingIsFree() {
    return Eventually([&] {
      const std::string metrics = Metrics();
      return Sample(metrics, "puna_requests_running") == 0 && Sample(metrics, "puna_requests_waiting") == 0 &&
             Sample(metrics, "puna_kv_blocks{state=\"used\"}") == 0;
    });
  }

  ApiBench api_;
  HttpServer server_;

 private:
  HttpServerOptions Options(std::chrono::milliseconds write_stall) {
    HttpServerOptions options = TestOptions();
    options.limits.write_stall = write_stall;
    options.on_end = [this](const HttpEnd& end) { api_.state().metrics.Count(end); };
    return options;
  }
};

TEST_F(ServingTest, WhatNoHandlerSeesIsRefusedInTheFormOfItsPath) {
  const std::string large = "Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n";
  const std::pair<std::string, std::pair<int, const char*>> refused[] = {
      {"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
       {415, "invalid_request_error"}},
      {"POST /v1/messages?beta=true HTTP/1.1\r\nHost: localhost\r\n" + large, {413, "request_too_large"}},
      {Get("/v1/messages"), {405, "invalid_request_error"}},
      {PostJson("/v1/messages/batches", "{}"), {404, "not_found_error"}}};
  for (const auto& [bytes, expected] : refused) {
    const WireAnswer answer = Exchange(server_.port(), bytes);
    EXPECT_EQ(answer.status, expected.first) << bytes;
    const json error = json::parse(answer.body);
    EXPECT_EQ(error.at("error").at("type"), expected.second);
    EXPECT_EQ(error.at("request_id"), answer.headers.at("request-id"));
  }
}

TEST_F(ServingTest, AClientThatLeavesItsStreamFreesItsRows) {
  WireClient client(server_.port());
  client.Send(PostJson(kCompletions, EndlessBody(/*stream=*/true)));
  ASSERT_TRUE(client.ReadUntil("data: {"));
  client.Reset();
  EXPECT_TRUE(CancelledFor("client_gone"));
  EXPECT_TRUE(EverythingIsFree());
  EXPECT_EQ(Metric("puna_answers_finished_total{reason=\"cancelled\"}"), 1);
}

TEST_F(ServingTest, AClientThatLeavesBeforeItsAnswerFreesItsRows) {
  WireClient client(server_.port());
  client.Send(PostJson(kCompletions, EndlessBody(/*stream=*/false)));
  ASSERT_TRUE(Eventually([this] { return Metric("puna_requests_running") == 1; }));
  client.Close();
  EXPECT_TRUE(CancelledFor("client_gone"));
  EXPECT_TRUE(EverythingIsFree());
  EXPECT_EQ(Metric("puna_http_requests_total{route=\"/v1/completions\",status=\"499\"}"), 1);
}

TEST_F(ServingTest, AnAnswerInOnePieceThatIsLateIs504AndFreesItsRows) {
  api_.served().request_timeout = 50ms;
  const WireAnswer answer = Exchange(server_.port(), PostJson(kCompletions, EndlessBody(/*stream=*/false)));
  EXPECT_EQ(answer.status, 504);
  EXPECT_THAT(answer.ErrorMessage(), HasSubstr("not complete within the time"));
  EXPECT_EQ(json::parse(answer.body).at("error").at("code"), "request_timeout");
  EXPECT_EQ(answer.headers.at("x-should-retry"), "false") << "OpenAI's clients would ask for it all again";
  EXPECT_TRUE(CancelledFor("deadline"));
  EXPECT_TRUE(EverythingIsFree());
  EXPECT_EQ(Metric("puna_answers_finished_total{reason=\"deadline\"}"), 1);
}

TEST_F(ServingTest, AStreamThatIsLateEndsWithAnErrorEvent) {
  api_.served().request_timeout = 50ms;
  const WireAnswer answer = Exchange(server_.port(), PostJson(kCompletions, EndlessBody(/*stream=*/true)));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.whole);
  const size_t last = answer.body.rfind("event: error\ndata: ");
  ASSERT_NE(last, std::string::npos);
  const json error = json::parse(answer.body.substr(last + sizeof("event: error\ndata: ") - 1));
  EXPECT_EQ(error.at("error").at("code"), "request_timeout");
  EXPECT_THAT(answer.body, Not(HasSubstr("[DONE]")));
  EXPECT_TRUE(CancelledFor("deadline"));
  EXPECT_TRUE(EverythingIsFree());
}

TEST_F(ServingTest, AnAnswerInTimeHasNoDeadlineToFear) {
  api_.served().request_timeout = 10min;
  const json body = {{"model", "demo"}, {"prompt", "Hi"}, {"max_tokens", 5}};
  EXPECT_EQ(Exchange(server_.port(), PostJson(kCompletions, body.dump())).status, 200);
  EXPECT_EQ(Metric("puna_requests_cancelled_total{reason=\"deadline\"}"), 0);
}

TEST_F(ServingTest, TheShutdownEndsWhatRunsAndSaysSo) {
  WireClient client(server_.port());
  client.Send(PostJson(kCompletions, EndlessBody(/*stream=*/true)));
  ASSERT_TRUE(client.ReadUntil("data: {"));
  api_.engine().Stop(0ms);
  EXPECT_THAT(client.ReadAll(), HasSubstr("server_shutting_down"));
  EXPECT_TRUE(CancelledFor("shutdown"));
  EXPECT_TRUE(EverythingIsFree());
}

class StalledReaderTest : public ServingTest {
 protected:
  StalledReaderTest() : ServingTest(/*write_stall=*/100ms) {}
};

TEST_F(StalledReaderTest, AReaderThatDoesNotReadSlowsNobodyAndIsDropped) {
  WireClient stuck(server_.port(), /*receive_buffer=*/4096);
  stuck.Send(PostJson(kCompletions, EndlessBody(/*stream=*/true)));
  ASSERT_TRUE(stuck.ReadUntil("data: {"));
  const json short_answer = {{"model", "demo"}, {"prompt", "Hi"}, {"max_tokens", 5}};
  for (int i = 0; i < 20; ++i) {
    const WireAnswer answer = Exchange(server_.port(), PostJson(kCompletions, short_answer.dump()));
    EXPECT_EQ(answer.status, 200);
  }
  EXPECT_TRUE(CancelledFor("client_stalled"));
  EXPECT_TRUE(EverythingIsFree());
}

TEST_F(ServingTest, RequestsAreCountedUnderTheirRouteAndNotTheirPath) {
  Exchange(server_.port(), Get("/v1/models/demo"));
  Exchange(server_.port(), Get("/v1/models/canary"));
  Exchange(server_.port(), Get("/canary"));
  Exchange(server_.port(), "\x1b[2J\r\n\r\n");
  const std::string metrics = Metrics();
  EXPECT_EQ(Sample(metrics, "puna_http_requests_total{route=\"/v1/models/*\",status=\"200\"}"), 1);
  EXPECT_EQ(Sample(metrics, "puna_http_requests_total{route=\"/v1/models/*\",status=\"404\"}"), 1);
  EXPECT_EQ(Sample(metrics, "puna_http_requests_total{route=\"none\",status=\"404\"}"), 1);
  EXPECT_EQ(Sample(metrics, "puna_http_requests_total{route=\"none\",status=\"400\"}"), 1);
  EXPECT_THAT(metrics, Not(HasSubstr("canary")));
}

TEST(LoadingTest, ThePortIsOpenAndSaysThatTheModelIsNot) {
  ServerState state;
  HttpServer server(TestOptions());
  AddRoutes(server, state, ApiKeys({}));
  server.Start();
  const WireAnswer health = Exchange(server.port(), Get("/health"));
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(json::parse(health.body).at("status"), "loading");
  EXPECT_THAT(health.ErrorMessage(), HasSubstr("loaded"));
  const WireAnswer chat = Exchange(server.port(), PostJson("/v1/chat/completions", "{}"));
  EXPECT_EQ(chat.status, 503);
  EXPECT_TRUE(chat.Has("retry-after"));
  EXPECT_EQ(json::parse(chat.body).at("error").at("code"), "model_loading");
  EXPECT_EQ(Exchange(server.port(), Get("/v1/models")).status, 503);
  EXPECT_EQ(Exchange(server.port(), Get("/metrics")).status, 200);

  ApiBench api;
  state.model = &api.served();
  EXPECT_EQ(Exchange(server.port(), Get("/health")).status, 200);
  EXPECT_EQ(Exchange(server.port(), Get("/v1/models")).status, 200);
  api.served().draining = true;
  EXPECT_EQ(Exchange(server.port(), Get("/health")).status, 503);
  server.Stop();
}

}  // namespace
}  // namespace puna
