// Clients that are slow, many, or leave; and the end of the server. Nothing here waits for a fixed time: the
// server's own deadlines are short, and the tests wait for what they cause.

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "server/http_server.h"
#include "tests/server/http_test_client.h"

namespace puna {
namespace {

using namespace std::chrono_literals;

constexpr auto kSoon = 30s;  // only a broken test waits so long

// A door that handlers wait at.
class Gate {
 public:
  HttpHandler Handler() {
    return [this](const HttpRequest&) {
      ++entered_;
      entered_.notify_all();
      open_.wait(false);
      return Json("done");
    };
  }
  void WaitEntered(int count) {
    for (int now = entered_; now < count; now = entered_) entered_.wait(now);
  }
  void Open() {
    open_ = true;
    open_.notify_all();
  }
  int entered() const { return entered_; }

 private:
  std::atomic<int> entered_{0};
  std::atomic<bool> open_{false};
};

HttpResponse Healthy(const HttpRequest&) { return Json("ok"); }

void AllowDescriptors(rlim_t count) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(count, limit.rlim_max));
  setrlimit(RLIMIT_NOFILE, &limit);
}

TEST(HttpLoadTest, SlowHeadersEndAtAnAbsoluteDeadline) {
  HttpServerOptions options = TestOptions();
  options.limits.header_deadline = 100ms;
  HttpServer server(options);
  server.Start();
  // Each byte comes soon after the last, but the deadline is for the whole head.
  WireClient client(server.port());
  client.Send("GET / HTTP/1.1\r\nX: ");
  std::atomic<bool> ended{false};
  std::thread dripper([&] {
    while (!ended && client.Send("a")) std::this_thread::yield();
  });
  EXPECT_TRUE(client.ReadUntil("HTTP/1.1 4"));
  ended = true;
  dripper.join();
  const WireAnswer answer = client.ReadAnswer();
  // Whichever comes first: a fast machine drips past the byte limit.
  EXPECT_TRUE(answer.status == 408 || answer.status == 431) << answer.status;
}

TEST(HttpLoadTest, SilentConnectionsAreClosedWithoutAWord) {
  HttpServerOptions options = TestOptions();
  options.limits.header_deadline = 50ms;
  HttpServer server(options);
  server.Start();
  EXPECT_EQ(WireClient(server.port()).ReadAll(), "");
}

TEST(HttpLoadTest, HeadsAndBodiesThatStopAreTimedOut) {
  HttpServerOptions options = TestOptions();
  options.limits.header_deadline = 50ms;
  options.limits.body_deadline = 50ms;
  HttpServer server(options);
  server.Route("POST", "/", Healthy);
  server.Start();
  EXPECT_EQ(Exchange(server.port(), "GET /").status, 408);
  const WireAnswer answer = Exchange(
      server.port(),
      "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{");
  EXPECT_EQ(answer.status, 408);
  EXPECT_NE(answer.ErrorMessage(), "");
}

TEST(HttpLoadTest, FiveHundredDrippingClientsHoldNoThreadAndOthersAreServed) {
  AllowDescriptors(4096);
  HttpServerOptions options = TestOptions();
  HttpServer server(options);
  server.Route("GET", "/health", Healthy);
  server.Route("POST", "/", [](const HttpRequest& request) { return Json(request.body); });
  server.Start();
  const int threads = RunningThreads();
  std::vector<std::unique_ptr<WireClient>> drippers;
  for (int i = 0; i < 500; ++i) {
    drippers.push_back(std::make_unique<WireClient>(server.port()));
    const bool in_body = i % 5 == 0;
    drippers.back()->Send(in_body ? "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                    "Content-Length: 9\r\n\r\n{"
                                  : "GET /health HTTP/1.1\r\nX: ");
  }
  EXPECT_EQ(RunningThreads(), threads);
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(Exchange(server.port(), Get("/health")).body, "ok") << i;
    ASSERT_EQ(Exchange(server.port(), PostJson("/", "[1]")).body, "[1]") << i;
  }
}

TEST(HttpLoadTest, AtTheConnectionLimitTheSlowestReaderGivesWay) {
  HttpServerOptions options = TestOptions();
  options.limits.max_connections = 2;
  HttpServer server(options);
  Gate gate;
  server.Route("POST", "/wait", gate.Handler());
  server.Route("GET", "/health", Healthy);
  server.Start();
  WireClient waiting(server.port());
  waiting.Send(PostJson("/wait", "1"));
  gate.WaitEntered(1);
  WireClient dripping(server.port());
  dripping.Send("GET / HT");
  EXPECT_EQ(Exchange(server.port(), Get("/health")).body, "ok");
  const WireAnswer answer = dripping.ReadAnswer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.Has("retry-after"));
  gate.Open();
  EXPECT_EQ(waiting.ReadAnswer().body, "done");
}

TEST(HttpLoadTest, BeyondTheConnectionLimitTheAnswerIs503) {
  HttpServerOptions options = TestOptions();
  options.limits.max_connections = 2;
  HttpServer server(options);
  Gate gate;
  server.Route("POST", "/wait", gate.Handler());
  server.Start();
  WireClient first(server.port());
  WireClient second(server.port());
  first.Send(PostJson("/wait", "1"));
  second.Send(PostJson("/wait", "2"));
  gate.WaitEntered(2);
  const WireAnswer answer = Exchange(server.port(), PostJson("/wait", "3"));
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.Has("retry-after"));
  EXPECT_NE(answer.ErrorMessage(), "");
  EXPECT_EQ(gate.entered(), 2);
  gate.Open();
  EXPECT_EQ(first.ReadAnswer().body, "done");
  EXPECT_EQ(second.ReadAnswer().body, "done");
}

TEST(HttpLoadTest, OneAddressCannotTakeTheConnectionsOfOthers) {
  HttpServerOptions options = TestOptions();
  options.limits.max_connections = 4;
  options.limits.max_connections_per_client = 2;
  HttpServer server(options);
  Gate gate;
  server.Route("POST", "/wait", gate.Handler());
  server.Route("GET", "/health", Healthy);
  server.Start();
  WireClient first(server.port(), 0, "127.0.0.2");
  WireClient second(server.port(), 0, "127.0.0.2");
  first.Send(PostJson("/wait", "1"));
  second.Send(PostJson("/wait", "2"));
  gate.WaitEntered(2);
  WireClient third(server.port(), 0, "127.0.0.2");
  const WireAnswer refused = third.ReadAnswer();
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.Has("retry-after"));
  EXPECT_NE(refused.ErrorMessage().find("2 connections"), std::string::npos) << refused.ErrorMessage();
  EXPECT_EQ(Exchange(server.port(), Get("/health")).body, "ok");
  gate.Open();
  EXPECT_EQ(first.ReadAnswer().body, "done");
  EXPECT_EQ(second.ReadAnswer().body, "done");
}

TEST(HttpLoadTest, HealthIsAnsweredWhenAllHandlersAreBusy) {
  HttpServerOptions options = TestOptions();
  options.limits.max_handlers = 2;
  HttpServer server(options);
  Gate gate;
  server.Route("POST", "/wait", gate.Handler());
  server.Route("GET", "/health", Healthy);
  server.Start();
  WireClient first(server.port());
  WireClient second(server.port());
  first.Send(PostJson("/wait", "1"));
  second.Send(PostJson("/wait", "2"));
  gate.WaitEntered(2);
  EXPECT_EQ(Exchange(server.port(), Get("/health")).body, "ok");
  const WireAnswer busy = Exchange(server.port(), PostJson("/wait", "3"));
  EXPECT_EQ(busy.status, 503);
  EXPECT_TRUE(busy.Has("retry-after"));
  gate.Open();
  EXPECT_EQ(first.ReadAnswer().body, "done");
  EXPECT_EQ(second.ReadAnswer().body, "done");
  // An answer is written after its handler has returned, so a thread is free again only soon.
  ASSERT_TRUE(server.WaitIdle(std::chrono::steady_clock::now() + kSoon));
}

TEST(HttpLoadTest, BodiesTogetherHaveALimitToo) {
  HttpServerOptions options = TestOptions();
  options.limits.max_buffered_bytes = 1000;
  HttpServer server(options);
  Gate gate;
  server.Route("POST", "/wait", gate.Handler());
  server.Start();
  WireClient first(server.port());
  first.Send(PostJson("/wait", std::string(900, 'x')));
  gate.WaitEntered(1);
  EXPECT_EQ(Exchange(server.port(), PostJson("/wait", std::string(200, 'x'))).status, 503);
  gate.Open();
  EXPECT_EQ(first.ReadAnswer().body, "done");
  EXPECT_EQ(Exchange(server.port(), PostJson("/wait", std::string(900, 'x'))).body, "done");
}

// Streams until it is told that the client has gone.
struct EndlessStream {
  std::promise<bool> ended;

  HttpHandler Handler(std::string chunk) {
    return [this, chunk](const HttpRequest&) {
      HttpResponse response;
      response.content_type = "text/event-stream";
      response.stream = [this, chunk](BodyWriter& out) {
        while (out.Write(chunk)) {
        }
        ended.set_value(out.ClientGone());
      };
      return response;
    };
  }
};

TEST(HttpLoadTest, AReaderThatTakesNothingIsDropped) {
  HttpServerOptions options = TestOptions();
  options.limits.write_stall = 100ms;
  HttpServer server(options);
  EndlessStream stream;
  server.Route("POST", "/stream", stream.Handler(std::string(64 << 10, 'x')));
  server.Route("GET", "/large", [](const HttpRequest&) { return Json(std::string(64 << 20, 'x')); });
  server.Start();
  WireClient client(server.port(), /*receive_buffer=*/4096);
  client.Send(PostJson("/stream", "1"));
  auto ended = stream.ended.get_future();
  ASSERT_EQ(ended.wait_for(kSoon), std::future_status::ready);
  EXPECT_TRUE(ended.get());
  // A whole answer is dropped in the same way and holds no thread meanwhile.
  WireClient other(server.port(), /*receive_buffer=*/4096);
  other.Send(Get("/large"));
  EXPECT_TRUE(other.ReadUntil("\r\n\r\n"));
  EXPECT_TRUE(server.WaitIdle(std::chrono::steady_clock::now() + kSoon));
}

TEST(HttpLoadTest, AStreamEndsWhenItsClientLeaves) {
  for (const bool reset : {false, true}) {
    HttpServer server(TestOptions());
    EndlessStream stream;
    server.Route("POST", "/stream", stream.Handler("data: x\n\n"));
    server.Start();
    WireClient client(server.port());
    client.Send(PostJson("/stream", "1"));
    ASSERT_TRUE(client.ReadUntil("data: x"));
    reset ? client.Reset() : client.Close();
    auto ended = stream.ended.get_future();
    ASSERT_EQ(ended.wait_for(kSoon), std::future_status::ready);
    EXPECT_TRUE(ended.get());
  }
}

TEST(HttpLoadTest, AHandlerLearnsThatItsClientHasLeft) {
  for (const bool reset : {false, true}) {
    HttpServer server(TestOptions());
    std::promise<void> entered;
    std::promise<void> gone;
    server.Route("POST", "/wait", [&](const HttpRequest& request) {
      entered.set_value();
      while (!request.client_gone()) std::this_thread::yield();
      gone.set_value();
      return Json("nobody reads this");
    });
    server.Start();
    WireClient client(server.port());
    client.Send(PostJson("/wait", "1"));
    entered.get_future().wait();
    reset ? client.Reset() : client.Close();
    EXPECT_EQ(gone.get_future().wait_for(kSoon), std::future_status::ready);
  }
}

TEST(HttpLoadTest, ASilentStreamLearnsThatItsClientHasLeft) {
  HttpServer server(TestOptions());
  std::promise<void> gone;
  server.Route("POST", "/stream", [&](const HttpRequest&) {
    HttpResponse response;
    response.content_type = "text/event-stream";
    response.stream = [&](BodyWriter& out) {
      out.Write("data: x\n\n");
      while (!out.ClientGone()) std::this_thread::yield();
      gone.set_value();
    };
    return response;
  });
  server.Start();
  WireClient client(server.port());
  client.Send(PostJson("/stream", "1"));
  ASSERT_TRUE(client.ReadUntil("data: x"));
  client.Close();
  EXPECT_EQ(gone.get_future().wait_for(kSoon), std::future_status::ready);
}

TEST(HttpLoadTest, HalfClosedIsNotGone) {
  HttpServer server(TestOptions());
  std::promise<void> entered;
  std::promise<void> half_closed;
  auto go_on = half_closed.get_future();
  server.Route("POST", "/wait", [&](const HttpRequest& request) {
    entered.set_value();
    go_on.wait();
    for (int i = 0; i < 1000; ++i) {
      if (request.client_gone()) return Json("gone");
    }
    return Json("there");
  });
  server.Route("POST", "/stream", [](const HttpRequest&) {
    HttpResponse response;
    response.content_type = "text/event-stream";
    response.stream = [](BodyWriter& out) {
      for (int i = 0; i < 1000; ++i) {
        if (out.ClientGone()) return;
      }
      out.Write("data: there\n\n");
    };
    return response;
  });
  server.Start();
  WireClient client(server.port());
  client.Send(PostJson("/wait", "1"));
  entered.get_future().wait();
  client.HalfClose();
  half_closed.set_value();
  EXPECT_EQ(client.ReadAnswer().body, "there");

  WireClient streaming(server.port());
  streaming.Send(PostJson("/stream", "1"));
  streaming.HalfClose();
  const WireAnswer answer = streaming.ReadAnswer();
  EXPECT_TRUE(answer.whole);
  EXPECT_TRUE(answer.body.ends_with("data: there\n\n")) << answer.body;
}

TEST(HttpLoadTest, EachWriteLeavesAtOnce) {
  HttpServer server(TestOptions());
  std::promise<void> received;
  auto go_on = received.get_future();
  server.Route("POST", "/stream", [&](const HttpRequest&) {
    HttpResponse response;
    response.stream = [&](BodyWriter& out) {
      out.Write("first");
      go_on.wait();
      out.Write("second");
    };
    return response;
  });
  server.Start();
  WireClient client(server.port());
  client.Send(PostJson("/stream", "1"));
  EXPECT_TRUE(client.ReadUntil("first"));
  received.set_value();
  EXPECT_EQ(client.ReadAnswer().body, "firstsecond");
}

TEST(HttpStopTest, RunningHandlersGoOnAndNewConnectionsAreRefused) {
  HttpServer server(TestOptions());
  Gate gate;
  server.Route("POST", "/wait", gate.Handler());
  server.Start();
  WireClient running(server.port());
  running.Send(PostJson("/wait", "1"));
  gate.WaitEntered(1);
  WireClient reading(server.port());
  reading.Send("POST /wa");
  WireClient silent(server.port());
  EXPECT_FALSE(server.WaitIdle(std::chrono::steady_clock::now()));
  server.StopAccepting();
  EXPECT_NONFATAL_FAILURE(WireClient late(server.port()), "connect");
  EXPECT_NE(reading.ReadAnswer().status, 200);
  EXPECT_EQ(silent.ReadAll(), "");
  EXPECT_FALSE(server.WaitIdle(std::chrono::steady_clock::now() + 1ms));
  gate.Open();
  EXPECT_TRUE(server.WaitIdle(std::chrono::steady_clock::now() + kSoon));
  server.Stop();
  EXPECT_EQ(running.ReadAnswer().body, "done") << "idle means that the answer is on its way";
}

TEST(HttpStopTest, StopEndsWhatIsLeftAndGivesEverythingBack) {
  std::thread([] {}).join();  // with a program's first thread ThreadSanitizer begins one of its own
  const int descriptors = OpenDescriptors();
  const int threads = RunningThreads();
  {
    HttpServer server(TestOptions());
    EndlessStream stream;
    std::promise<void> entered;
    server.Route("POST", "/stream", stream.Handler("data: x\n\n"));
    server.Route("POST", "/wait", [&](const HttpRequest& request) {
      entered.set_value();
      while (!request.client_gone()) std::this_thread::yield();
      return Json("late");
    });
    server.Start();
    WireClient streaming(server.port(), /*receive_buffer=*/4096);
    streaming.Send(PostJson("/stream", "1"));
    ASSERT_TRUE(streaming.ReadUntil("data: x"));
    WireClient waiting(server.port());
    waiting.Send(PostJson("/wait", "1"));
    WireClient reading(server.port());
    reading.Send("GET /");
    entered.get_future().wait();
    server.Stop();
    EXPECT_TRUE(stream.ended.get_future().get());
    EXPECT_FALSE(waiting.ReadAnswer().whole);
    server.Stop();
  }
  EXPECT_EQ(OpenDescriptors(), descriptors);
  // The kernel lists a thread for a moment after it was joined.
  const auto deadline = std::chrono::steady_clock::now() + kSoon;
  while (RunningThreads() > threads && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(RunningThreads(), threads);
}

TEST(HttpStopTest, AThousandConnectionsLeaveNothingBehind) {
  HttpServer server(TestOptions());
  server.Route("GET", "/health", Healthy);
  server.Route("POST", "/echo", [](const HttpRequest& request) { return Json(request.body); });
  server.Start();
  ASSERT_EQ(Exchange(server.port(), Get("/health")).body, "ok");
  ASSERT_EQ(Exchange(server.port(), PostJson("/echo", "1")).body, "1");
  const int threads = RunningThreads();
  for (int i = 0; i < 1000; ++i) {
    WireClient client(server.port());
    switch (i % 5) {
      case 0:
        ASSERT_TRUE(client.Send(Get("/health")));
        break;
      case 1:
        ASSERT_TRUE(client.Send(PostJson("/echo", "1")));
        break;
      case 2:
        ASSERT_TRUE(client.Send(Get("/nothing")));
        break;
      case 3:
        client.Send("GET /hea");
        client.Close();
        continue;
      default:
        client.Send(Get("/health"));
        client.Reset();
        continue;
    }
    ASSERT_NE(client.ReadAnswer().status, 0) << i;
  }
  // A handler's thread may still be on its way back when its answer arrives, so a few more may have started.
  EXPECT_LE(RunningThreads(), threads + 8);
  server.StopAccepting();
  EXPECT_TRUE(server.WaitIdle(std::chrono::steady_clock::now() + kSoon));
}

TEST(HttpStopTest, ManyClientsAtOnceEachGetTheirOwnAnswer) {
  HttpServer server(TestOptions());
  server.Route("POST", "/echo", [](const HttpRequest& request) { return Json(request.body); });
  server.Start();
  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&, c] {
      for (int i = 0; i < 50; ++i) {
        const std::string body = std::to_string(c * 1000 + i);
        if (Exchange(server.port(), PostJson("/echo", body)).body == body) ++right;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 400);
}

}  // namespace
}  // namespace puna
