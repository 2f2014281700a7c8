#include "server/http_event_loop.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "engine/base/check.h"
#include "server/http_access_log.h"
#include "server/http_client_address.h"

namespace puna {
namespace {

// Threads for GET and HEAD alone: what they ask for is short and must be answered when all others are busy.
constexpr int kGetThreads = 8;
constexpr size_t kReadBytes = 64 << 10;  // at once, per connection: all get their turn
constexpr std::chrono::milliseconds kAcceptPause{100};

void SetOption(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); }

}  // namespace

HttpEventLoop::HttpEventLoop(const HttpServerOptions& options, const HttpRouter& router, HttpGuard guard,
                             int listener)
    : options_(options),
      router_(router),
      guard_(std::move(guard)),
      head_limits_{options.limits.max_header_bytes, options.limits.max_header_lines,
                   options.limits.max_uri_bytes},
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      listener_(listener),
      scratch_(kReadBytes, '\0'),
      get_pool_(kGetThreads, options.limits.max_connections),
      pool_(options.limits.max_handlers, 0) {
  if (epoll_ < 0 || wake_ < 0) {
    const int error = errno;
    for (const int fd : {epoll_, wake_, listener_}) {
      if (fd >= 0) close(fd);
    }
    throw Error(fmt::format("cannot watch sockets: {}", std::strerror(error)));
  }
  std::random_device seed;
  std::seed_seq seeds{seed(), seed(), seed(), seed()};
  ids_.seed(seeds);
  for (const int fd : {wake_, listener_}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) << std::strerror(errno);
  }
  thread_ = std::thread([this] { Run(); });
}

HttpEventLoop::~HttpEventLoop() {
  Stop();
  close(epoll_);
  close(wake_);
}

void HttpEventLoop::StopAccepting() {
  std::unique_lock lock(mu_);
  stop_accepting_asked_ = true;
  Wake();
  changed_.wait(lock, [this] { return !accepting_; });
}

bool HttpEventLoop::WaitIdle(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mu_);
  return changed_.wait_until(lock, deadline, [this] { return busy_ == 0; });
}

void HttpEventLoop::Stop() {
  std::lock_guard one_at_a_time(stop_mu_);
  if (!thread_.joinable()) return;
  stopping_ = true;
  Wake();
  thread_.join();
  get_pool_.Stop();
  pool_.Stop();
}

void HttpEventLoop::Wake() {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then the loop is awake anyway.
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
}

void HttpEventLoop::Run() {
  while (!stopping_ || !connections_.empty()) {
    HandleEvents();
    if (stopping_) AbortAll();
    DestroyClosed();
  }
  CloseListener();
}

void HttpEventLoop::HandleEvents() {
  std::array<epoll_event, 64> events;
  const int count =
      epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), MillisecondsToNextDeadline());
  CHECK(count >= 0 || errno == EINTR) << std::strerror(errno);
  bool accept = listener_paused_;
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<size_t>(i)].data.fd;
    if (fd == wake_) {
      OnWake();
    } else if (fd == listener_) {
      accept = true;
    } else if (const auto found = connections_.find(fd); found != connections_.end()) {
      OnReady(*found->second);
    }
  }
  ExpireDeadlines();
  // Last, so that at the connection limit nobody whose request has arrived gives way.
  if (accept) AcceptAll();
}

int HttpEventLoop::MillisecondsToNextDeadline() const {
  if (listener_paused_) return static_cast<int>(kAcceptPause.count());
  auto next = Clock::time_point::max();
  for (const auto& [fd, c] : connections_) {
    if (c->phase != Phase::kHandling) next = std::min(next, c->deadline);
  }
  if (next == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

void HttpEventLoop::OnWake() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t bytes = read(wake_, &count, sizeof count);
  HttpConnection* finished = nullptr;
  bool stop_accepting = false;
  {
    std::lock_guard lock(mu_);
    std::swap(finished, finished_);
    stop_accepting = stop_accepting_asked_;
  }
  while (finished != nullptr) {
    HttpConnection& c = *finished;
    finished = c.next_finished;
    OnHandled(c);
  }
  if (stop_accepting) CloseListener();
}

void HttpEventLoop::ExpireDeadlines() {
  const auto now = Clock::now();
  for (const auto& [fd, connection] : connections_) {
    HttpConnection& c = *connection;
    if (c.deadline > now) continue;
    switch (c.phase) {
      case Phase::kReadingHead:
        // Browsers open connections in advance and may never use them.
        if (c.head_reader.empty()) {
          Close(c);
        } else {
          Refuse(c, RequestError(408, "the request headers did not arrive in time"));
        }
        break;
      case Phase::kReadingBody:
        Refuse(c, RequestError(408, "the request body did not arrive in time"));
        break;
      case Phase::kWriting:
        Finish(c, "stalled");
        break;
      case Phase::kLingering:
        Close(c);
        break;
      case Phase::kHandling:
      case Phase::kClosed:
        break;
    }
  }
}

void HttpEventLoop::AcceptAll() {
  WatchListener(true);
  while (listener_ >= 0) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd =
        accept4(listener_, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      AddConnection(fd, ClientOf(address));
      continue;
    }
    const int error = errno;
    if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
      spdlog::warn("cannot accept a connection: {}", std::strerror(error));
      WatchListener(false);
    }
    if (error != EINTR && error != ECONNABORTED) return;
  }
}

void HttpEventLoop::AddConnection(int fd, std::string client) try {
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  // A client that vanished without a word is noticed after about a minute.
  SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
  std::unique_ptr<HttpConnection> owned;
  try {
    owned = std::make_unique<HttpConnection>(fd, head_limits_, stopping_);
  } catch (const std::bad_alloc&) {
    close(fd);
    return;
  }
  HttpConnection& c = *owned;
  c.client = std::move(client);
  c.accepted = Clock::now();
  c.deadline = c.accepted + options_.limits.header_deadline;
  c.request.id = NewRequestId();
  connections_.emplace(fd, std::move(owned));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) return Close(c);
  MakeRoom(c);
} catch (const std::bad_alloc&) {
  spdlog::warn("no memory for a new connection");
}

void HttpEventLoop::MakeRoom(HttpConnection& newcomer) {
  const int limit = options_.limits.max_connections;
  const int client_limit = options_.limits.max_connections_per_client;
  int lingering = 0;
  int active = 0;
  int of_client = 0;
  for (const auto& [fd, c] : connections_) {
    if (c->phase == Phase::kLingering) {
      ++lingering;
    } else if (c->phase != Phase::kClosed) {
      ++active;
      of_client += c->client == newcomer.client ? 1 : 0;
    }
  }
  if (lingering > limit) Close(*Oldest(Phase::kLingering, nullptr));
  if (of_client > client_limit) {
    const std::string message =
        fmt::format("your address has {} connections open, which is the limit, try again", client_limit);
    Refuse(WhoGivesWay(newcomer, &newcomer.client),
           RequestError(429, message, {}, "rate_limit_exceeded", "rate_limit_error"), {{"Retry-After", "1"}});
  } else if (active > limit) {
    RefuseBusy(WhoGivesWay(newcomer, nullptr), "the server has no connection left, try again");
  }
}

HttpConnection& HttpEventLoop::WhoGivesWay(HttpConnection& newcomer, const std::string* client) const {
  HttpConnection* leaver = Oldest(Phase::kReadingHead, &newcomer, client);
  if (leaver == nullptr) leaver = Oldest(Phase::kReadingBody, &newcomer, client);
  return leaver == nullptr ? newcomer : *leaver;
}

// `client`: only its connections.
HttpConnection* HttpEventLoop::Oldest(Phase phase, const HttpConnection* except,
                                      const std::string* client) const {
  HttpConnection* oldest = nullptr;
  for (const auto& [fd, c] : connections_) {
    if (c->phase != phase || c.get() == except || (client != nullptr && c->client != *client)) continue;
    if (oldest == nullptr || c->accepted < oldest->accepted) oldest = c.get();
  }
  return oldest;
}

void HttpEventLoop::WatchListener(bool watch) {
  if (listener_ < 0 || watch != listener_paused_) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener_;
  epoll_ctl(epoll_, watch ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listener_, &event);
  listener_paused_ = !watch;
}

void HttpEventLoop::DestroyClosed() {
  if (!any_closed_) return;
  std::erase_if(connections_, [](const auto& entry) { return entry.second->phase == Phase::kClosed; });
  any_closed_ = false;
}

void HttpEventLoop::CloseListener() {
  if (listener_ >= 0) {
    // Closing also ends the watch.
    close(listener_);
    listener_ = -1;
    listener_paused_ = false;
    for (const auto& [fd, c] : connections_) {
      if (c->phase == Phase::kReadingHead && c->head_reader.empty()) {
        Close(*c);
      } else if (c->phase == Phase::kReadingHead || c->phase == Phase::kReadingBody) {
        RefuseBusy(*c, "the server is shutting down");
      }
    }
  }
  std::lock_guard lock(mu_);
  accepting_ = false;
  changed_.notify_all();
}

void HttpEventLoop::AbortAll() {
  for (const auto& [fd, c] : connections_) {
    switch (c->phase) {
      case Phase::kHandling:
        shutdown(fd, SHUT_RDWR);
        break;  // its thread returns soon
      case Phase::kWriting:
        Finish(*c, "stopped");
        break;
      default:
        Close(*c);
    }
  }
}

std::string HttpEventLoop::NewRequestId() {
  return fmt::format("req-{:016x}{:08x}", ids_(), static_cast<uint32_t>(ids_()));
}

}  // namespace puna
