#include "server/http_peer.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace puna {

bool HttpPeer::SendAll(std::string_view bytes, std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline = Clock::now() + limit;
  while (!bytes.empty() && !failed_) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
      bytes_sent_ += static_cast<uint64_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) failed_ = true;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (!failed_ && left <= 0) stalled_ = true;
    if (left <= 0 || stopping_) failed_ = true;
    if (failed_) break;
    pollfd writable{fd_, POLLOUT, 0};
    poll(&writable, 1, static_cast<int>(std::min<int64_t>(left, 1000)));
  }
  return !failed_;
}

HttpPeer::State HttpPeer::Poll() {
  if (failed_ || stopping_) return State::kGone;
  pollfd events{fd_, POLLRDHUP, 0};
  if (poll(&events, 1, 0) <= 0) return State::kThere;
  if ((events.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return State::kGone;
  return (events.revents & POLLRDHUP) != 0 ? State::kHalfClosed : State::kThere;
}

bool HttpPeer::Gone(std::string_view probe) {
  const State state = Poll();
  if (state != State::kHalfClosed) return state == State::kGone;
  if (probed_) return false;
  if (probe.empty()) return true;
  probed_ = true;
  return send(fd_, probe.data(), probe.size(), MSG_NOSIGNAL | MSG_DONTWAIT) !=
         static_cast<ssize_t>(probe.size());
}

}  // namespace puna
