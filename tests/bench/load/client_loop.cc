#include "tests/bench/load/client_loop.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <numeric>
#include <optional>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "tests/bench/load/answer_reader.h"

namespace puna::bench {
namespace {

using Clock = std::chrono::steady_clock;

double Milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// A line of the report: an error as the server worded it, without what differs from request to request.
std::string Failure(int status, const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json::json_pointer message("/error/message");
  if (!json.is_discarded() && json.contains(message) && json[message].is_string())
    return fmt::format("{} {}", status, Printable(json[message].get<std::string>(), 120));
  return fmt::format("{} {}", status, Printable(body, 120));
}

// One client's connection and the answer that comes over it.
struct Client {
  int fd = -1;
  std::string unsent;
  AnswerReader reader;
  std::optional<int> leaves_after;
  int pieces = 0;
  Clock::time_point started;
  Clock::time_point last_piece;
  std::string error_event;
  nlohmann::json usage;
  bool done = false;  // "[DONE]" was read
};

class ClientLoop {
 public:
  ClientLoop(const LoadTarget& target, const Workload& workload, int clients, const LoadLength& length,
             int64_t first_number)
      : target_(target),
        workload_(workload),
        length_(length),
        number_(first_number),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        clients_(static_cast<size_t>(clients)),
        scratch_(64 << 10, '\0') {
    CHECK(epoll_ >= 0) << std::strerror(errno);
    CHECK(length.requests > 0 || length.seconds > 0);
    result_.clients = clients;
  }

  ~ClientLoop() {
    for (Client& client : clients_)
      if (client.fd >= 0) close(client.fd);
    close(epoll_);
  }

  LoadResult Run() {
    const Clock::time_point start = Clock::now();
    if (length_.seconds > 0)
      end_ =
          start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(length_.seconds));
    for (size_t i = 0; i < clients_.size(); ++i) StartNext(i);
    while (open_ > 0 && !TimeIsUp()) HandleEvents();
    result_.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    for (Client& client : clients_)
      if (client.fd >= 0) Leave(client);
    return std::move(result_);
  }

 private:
  bool TimeIsUp() const { return end_ && Clock::now() >= *end_; }

  void StartNext(size_t index) {
    if (length_.requests > 0 && started_ == length_.requests) return;
    if (TimeIsUp()) return;
    LoadRequest request = workload_.Request(number_++);
    ++started_;
    Client& client = clients_[index];
    client = Client();
    client.leaves_after = request.leaves_after;
    client.unsent = fmt::format(
        "POST {} HTTP/1.1\r\nHost: {}:{}\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        workload_.path(), target_.host, target_.port, target_.headers, request.body.size());
    client.unsent += request.body;
    client.started = Clock::now();
    Connect(client, index);
  }

  void Connect(Client& client, size_t index) {
    client.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client.fd < 0) throw Error(fmt::format("no socket: {}", std::strerror(errno)));
    const int one = 1;
    setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(target_.port));
    CHECK(inet_pton(AF_INET, target_.host.c_str(), &address.sin_addr) == 1) << target_.host;
    const int connected = connect(client.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (connected != 0 && errno != EINPROGRESS)
      throw Error(
          fmt::format("cannot connect to {}:{}: {}", target_.host, target_.port, std::strerror(errno)));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT;
    event.data.u64 = index;
    CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &event) == 0) << std::strerror(errno);
    ++open_;
  }

  void Close(Client& client) {
    close(client.fd);  // which also ends the watch
    client.fd = -1;
    --open_;
  }

  void HandleEvents() {
    std::array<epoll_event, 64> events;
    int timeout = -1;
    if (end_) timeout = static_cast<int>(std::max(0.0, Milliseconds(*end_ - Clock::now()))) + 1;
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout);
    CHECK(count >= 0 || errno == EINTR) << std::strerror(errno);
    for (int i = 0; i < count; ++i) {
      const auto index = static_cast<size_t>(events[static_cast<size_t>(i)].data.u64);
      OnReady(clients_[index], index);
      if (clients_[index].fd < 0) StartNext(index);
    }
  }

  void OnReady(Client& client, size_t index) {
    if (!client.unsent.empty()) Send(client, index);
    if (client.fd >= 0) Receive(client);
  }

  void Send(Client& client, size_t index) {
    const ssize_t sent = send(client.fd, client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      // The server may have answered before it closed: that is what to read.
      client.unsent.clear();
    } else {
      client.unsent.erase(0, static_cast<size_t>(sent));
    }
    if (!client.unsent.empty()) return;
    if (client.leaves_after == 0) return Leave(client);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, client.fd, &event);
  }

  void Receive(Client& client) {
    const ssize_t received = recv(client.fd, scratch_.data(), scratch_.size(), 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (received <= 0) return End(client, received < 0 ? std::strerror(errno) : "the answer was cut off");
    const Clock::time_point now = Clock::now();
    try {
      client.reader.Feed(std::string_view(scratch_).substr(0, static_cast<size_t>(received)),
                         [&](std::string_view data) { OnData(client, data, now); });
    } catch (const std::runtime_error& error) {
      return End(client, error.what());
    }
    if (client.leaves_after && client.pieces >= *client.leaves_after) return Leave(client);
    if (client.reader.whole()) End(client, "the answer was cut off");
  }

  void OnData(Client& client, std::string_view data, Clock::time_point now) {
    switch (KindOf(data)) {
      case EventKind::kText:
        if (client.pieces++ == 0) {
          result_.first_ms.push_back(Milliseconds(now - client.started));
        } else {
          result_.gaps_ms.push_back(Milliseconds(now - client.last_piece));
        }
        client.last_piece = now;
        break;
      case EventKind::kUsage:
        client.usage = nlohmann::json::parse(data, nullptr, /*allow_exceptions=*/false)["usage"];
        break;
      case EventKind::kError:
        client.error_event = std::string(data);
        break;
      case EventKind::kDone:
        client.done = true;
        break;
      case EventKind::kOther:
        break;
    }
  }

  // The client closes its end before the answer's.
  void Leave(Client& client) {
    ++result_.left;
    result_.tokens += client.pieces;
    Close(client);
  }

  // The connection has ended, or the answer has.
  void End(Client& client, const char* if_not_whole) {
    if (client.done && client.usage.is_object()) {
      ++result_.completed;
      result_.tokens += client.usage.value("completion_tokens", int64_t{0});
      result_.prompt_tokens += client.usage.value("prompt_tokens", int64_t{0});
      const nlohmann::json::json_pointer cached("/prompt_tokens_details/cached_tokens");
      result_.cached_tokens += client.usage.value(cached, int64_t{0});
    } else {
      result_.tokens += client.pieces;
      const int status = client.reader.status();
      const bool refused = status != 0 && status != 200;
      const bool errored = !client.error_event.empty();
      ++result_.failed[refused   ? Failure(status, client.reader.plain_body())
                       : errored ? Failure(status, client.error_event)
                                 : if_not_whole];
    }
    Close(client);
  }

  const LoadTarget& target_;
  const Workload& workload_;
  const LoadLength length_;
  int64_t number_;
  int64_t started_ = 0;
  std::optional<Clock::time_point> end_;
  const int epoll_;
  int open_ = 0;
  std::vector<Client> clients_;
  std::string scratch_;
  LoadResult result_;
};

}  // namespace

int64_t LoadResult::failures() const {
  return std::accumulate(failed.begin(), failed.end(), int64_t{0},
                         [](int64_t sum, const auto& entry) { return sum + entry.second; });
}

LoadResult RunClients(const LoadTarget& target, const Workload& workload, int clients,
                      const LoadLength& length, int64_t first_number) {
  return ClientLoop(target, workload, clients, length, first_number).Run();
}

}  // namespace puna::bench
