// What happens to one connection, from its first byte to its last. See http_event_loop.cc for the loop.

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "server/error_form.h"
#include "server/http_access_log.h"
#include "server/http_event_loop.h"

namespace puna {
namespace {

constexpr std::chrono::milliseconds kLinger{2000};
constexpr size_t kMaxThrownAway = 64 << 20;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// Collects a whole answer for the loop to send, or passes a stream on to the client as it comes.
class ConnectionSink : public HttpAnswerSink {
 public:
  ConnectionSink(HttpConnection& c, std::chrono::milliseconds write_stall)
      : c_(c), write_stall_(write_stall) {}

  bool Send(std::string_view bytes) override {
    if (c_.streaming) return c_.peer.SendAll(bytes, write_stall_);
    c_.output.append(bytes);
    return true;
  }
  void BeginStream() override { c_.streaming = true; }
  bool Gone(std::string_view probe) override { return c_.peer.Gone(probe); }

 private:
  HttpConnection& c_;
  const std::chrono::milliseconds write_stall_;
};

}  // namespace

void HttpEventLoop::OnReady(HttpConnection& c) try {
  switch (c.phase) {
    case Phase::kReadingHead:
    case Phase::kReadingBody:
      return Read(c);
    case Phase::kWriting:
      return Write(c);
    case Phase::kLingering:
      return ThrowAway(c);
    case Phase::kHandling:
    case Phase::kClosed:
      return;  // no longer watched
  }
} catch (const RequestError& error) {
  Refuse(c, error);
} catch (const std::exception& error) {
  spdlog::error("request {} failed: {}", c.request.id, Printable(error.what()));
  Close(c);
}

void HttpEventLoop::Read(HttpConnection& c) {
  const ssize_t count = recv(c.fd, scratch_.data(), scratch_.size(), 0);
  if (count > 0) return Feed(c, std::string_view(scratch_).substr(0, static_cast<size_t>(count)));
  if (count == 0) return OnEndOfInput(c);
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return;
  Close(c);
}

void HttpEventLoop::Feed(HttpConnection& c, std::string_view bytes) {
  if (c.phase == Phase::kReadingHead) {
    bytes.remove_prefix(c.head_reader.Take(bytes));
    if (!c.head_reader.done()) return;
    OnHead(c, !bytes.empty());
  }
  // Bytes beyond the request are no second one: they are never looked at.
  if (c.phase == Phase::kReadingBody) FeedBody(c, bytes);
}

void HttpEventLoop::OnHead(HttpConnection& c, bool body_follows) {
  c.head = c.head_reader.Parse();
  c.request.method = c.head.method;
  c.request.path = c.head.path;
  c.request.query = c.head.query;
  guard_.CheckHost(c.head);
  guard_.CheckOrigin(c.head);
  SetCors(c);
  const std::string methods = router_.AllowedMethods(c.head.path);
  if (methods.empty()) {
    throw RequestError(404,
                       fmt::format("no route {} {}", Printable(c.head.method, 16), Printable(c.head.path)),
                       {}, "unknown_url");
  }
  if (c.head.method == "OPTIONS") return AnswerOptions(c, methods);
  c.route = router_.Find(c.head.method, c.head.path);
  if (c.route == nullptr) {
    const RequestError error(
        405, fmt::format("{} is not allowed here, only {}", Printable(c.head.method, 16), methods), {},
        "method_not_allowed");
    return Refuse(c, error, {{"Allow", methods}});
  }
  guard_.CheckBody(c.head);
  c.body_reader.emplace(c.head, options_.limits.max_body_bytes);
  c.phase = Phase::kReadingBody;
  c.deadline = Clock::now() + options_.limits.body_deadline;
  const bool waits = c.head.minor_version == 1 && c.head.headers.contains("expect");
  if (waits && !body_follows && !c.body_reader->done())
    c.peer.SendAll(kContinue, std::chrono::milliseconds(0));
}

void HttpEventLoop::FeedBody(HttpConnection& c, std::string_view bytes) {
  c.body_reader->Take(bytes);
  buffered_bytes_ += c.body_reader->size() - c.buffered;
  c.buffered = c.body_reader->size();
  if (buffered_bytes_ > options_.limits.max_buffered_bytes) {
    return RefuseBusy(c, "the server has no memory left for request bodies, try again");
  }
  if (!c.body_reader->done()) return;
  c.request.body = c.body_reader->TakeBody();
  c.request.headers = std::move(c.head.headers);
  Dispatch(c);
}

void HttpEventLoop::OnEndOfInput(HttpConnection& c) {
  c.end_of_input = true;
  if (c.head_reader.empty()) return Close(c);
  throw RequestError(400, "the connection was closed before the request was whole");
}

void HttpEventLoop::AnswerOptions(HttpConnection& c, const std::string& methods) {
  const bool is_preflight =
      !c.answer_headers.empty() && c.head.headers.contains("access-control-request-method");
  if (is_preflight) {
    c.answer_headers.emplace_back("Access-Control-Allow-Methods", methods);
    // A wildcard covers every header but this one.
    c.answer_headers.emplace_back("Access-Control-Allow-Headers", "Authorization, *");
    c.answer_headers.emplace_back("Access-Control-Max-Age", "600");
    if (c.head.Header("access-control-request-private-network") == "true") {
      c.answer_headers.emplace_back("Access-Control-Allow-Private-Network", "true");
    }
  }
  AnswerHere(c, [&methods](const HttpRequest&) {
    HttpResponse response;
    response.status = 204;
    response.headers = {{"Allow", methods}};
    return response;
  });
}

void HttpEventLoop::SetCors(HttpConnection& c) {
  const auto origin = guard_.AllowedOrigin(c.head);
  if (!options_.allowed_origins.empty()) c.answer_headers.emplace_back("Vary", "Origin");
  if (!origin) return;
  c.answer_headers.emplace_back("Access-Control-Allow-Origin", *origin);
  c.answer_headers.emplace_back("Access-Control-Expose-Headers", "X-Request-Id, Retry-After");
}

void HttpEventLoop::Dispatch(HttpConnection& c) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, c.fd, nullptr);
  c.phase = Phase::kHandling;
  c.request.arrived = Clock::now();
  c.request.client_gone = [&c] {
    // Once a stream has begun, its own chunks are what a client that has gone answers with a reset.
    if (c.streaming) return c.peer.Poll() == HttpPeer::State::kGone;
    return c.peer.Gone(c.head.minor_version == 1 ? kContinue : std::string_view());
  };
  {
    std::lock_guard lock(mu_);
    ++busy_;
    c.counted_busy = true;
  }
  const bool is_get = c.request.method == "GET" || c.request.method == "HEAD";
  HttpHandlerPool& pool = is_get ? get_pool_ : pool_;
  if (!pool.Submit([this, &c] { RunHandler(c); })) {
    RefuseBusy(c, "all handlers of the server are busy, try again");
  }
}

void HttpEventLoop::RunHandler(HttpConnection& c) noexcept {
  ConnectionSink sink(c, options_.limits.write_stall);
  c.answer = AnswerHttpRequest(c.request, c.head.minor_version, c.answer_headers, c.route->handler, sink);
  {
    std::lock_guard lock(mu_);
    c.next_finished = finished_;
    finished_ = &c;
  }
  Wake();
}

void HttpEventLoop::OnHandled(HttpConnection& c) {
  if (stopping_) return Finish(c, c.answer.streamed && c.answer.complete ? "complete" : "stopped");
  if (c.peer.stalled()) return Finish(c, "stalled");
  if (!c.answer.complete) return Finish(c, c.peer.Poll() == HttpPeer::State::kGone ? "gone" : "aborted");
  if (c.answer.streamed) {
    Finish(c, "complete");
  } else {
    StartWriting(c);
  }
}

void HttpEventLoop::Refuse(HttpConnection& c, const RequestError& error,
                           std::vector<std::pair<std::string, std::string>> headers) try {
  AnswerHere(c, [&](const HttpRequest& request) {
    HttpResponse response = ErrorResponse(error, request);
    for (auto& header : headers) response.headers.push_back(std::move(header));
    return response;
  });
} catch (const std::bad_alloc&) {
  Close(c);
}

void HttpEventLoop::RefuseBusy(HttpConnection& c, const char* message) {
  Refuse(c, RequestError(503, message, {}, "overloaded", "server_error"), {{"Retry-After", "1"}});
}

void HttpEventLoop::AnswerHere(HttpConnection& c, const HttpHandler& handler) {
  ConnectionSink sink(c, std::chrono::milliseconds(0));
  c.answer = AnswerHttpRequest(c.request, c.head.minor_version, c.answer_headers, handler, sink);
  if (!c.answer.complete) return Finish(c, "aborted");
  StartWriting(c);
}

void HttpEventLoop::StartWriting(HttpConnection& c) {
  c.phase = Phase::kWriting;
  c.deadline = Clock::now() + options_.limits.write_stall;
  Watch(c, EPOLLOUT);
  Write(c);
}

void HttpEventLoop::Write(HttpConnection& c) {
  while (c.output_sent < c.output.size()) {
    const std::string_view rest = std::string_view(c.output).substr(c.output_sent);
    const ssize_t sent = send(c.fd, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      c.output_sent += static_cast<size_t>(sent);
      c.deadline = Clock::now() + options_.limits.write_stall;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    return Finish(c, "gone");
  }
  Finish(c, "complete");
}

void HttpEventLoop::Finish(HttpConnection& c, std::string_view end) {
  const HttpEnd report{.request = c.request,
                       .route = c.route == nullptr ? std::string_view() : c.route->pattern,
                       .status = c.answer.status,
                       .bytes = c.peer.bytes_sent() + c.output_sent,
                       .elapsed = Clock::now() - c.accepted,
                       .end = end};
  LogHttpRequest(report);
  if (options_.on_end) options_.on_end(report);
  if (end == "complete") {
    StartLingering(c);
  } else {
    Close(c);
  }
}

void HttpEventLoop::EndBusy(HttpConnection& c) {
  if (!c.counted_busy) return;
  c.counted_busy = false;
  std::lock_guard lock(mu_);
  --busy_;
  changed_.notify_all();
}

void HttpEventLoop::StartLingering(HttpConnection& c) {
  EndBusy(c);
  shutdown(c.fd, SHUT_WR);
  c.phase = Phase::kLingering;
  c.deadline = Clock::now() + kLinger;
  buffered_bytes_ -= c.buffered;
  c.buffered = 0;
  c.output = {};
  c.request = {};
  Watch(c, EPOLLIN);
  ThrowAway(c);
}

void HttpEventLoop::ThrowAway(HttpConnection& c) {
  const ssize_t count = recv(c.fd, scratch_.data(), scratch_.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  c.thrown_away += static_cast<size_t>(std::max<ssize_t>(count, 0));
  if (count <= 0 || c.thrown_away > kMaxThrownAway) Close(c);
}

void HttpEventLoop::Watch(HttpConnection& c, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = c.fd;
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event) == 0) return;
  // It was not watched while its handler ran. If it cannot be watched again its deadline ends it.
  epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
}

void HttpEventLoop::Close(HttpConnection& c) {
  if (c.phase == Phase::kClosed) return;
  EndBusy(c);
  buffered_bytes_ -= c.buffered;
  c.buffered = 0;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, c.fd, nullptr);
  c.phase = Phase::kClosed;
  any_closed_ = true;
}

}  // namespace puna
