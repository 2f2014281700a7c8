#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace puna {

// The client's end of a connection as the thread that answers it sees it: sends with a deadline, and tells
// whether the client is still there. Does not own the socket (non-blocking), which must stay open as long as
// this is used. Only one thread at a time may use it.
class HttpPeer {
 public:
  // `stopping`: once true, every client counts as gone.
  HttpPeer(int fd, const std::atomic<bool>& stopping) : fd_(fd), stopping_(stopping) {}

  // Sends everything, or fails: the client is gone, or did not take it all within `limit`.
  bool SendAll(std::string_view bytes, std::chrono::milliseconds limit);

  enum class State {
    kThere,
    kHalfClosed,  // sends nothing more; may have gone altogether: only an answer to bytes we send will tell
    kGone,
  };
  State Poll();

  // True once the client is known to have gone. `probe` is sent, once, to a half-closed client: if it has
  // gone, its kernel answers with a reset, which the next call sees. An empty probe makes half-closed count
  // as gone.
  bool Gone(std::string_view probe);

  uint64_t bytes_sent() const { return bytes_sent_; }
  bool stalled() const { return stalled_; }  // a SendAll failed at its limit

 private:
  const int fd_;
  const std::atomic<bool>& stopping_;
  bool probed_ = false;
  bool failed_ = false;
  bool stalled_ = false;
  uint64_t bytes_sent_ = 0;
};

}  // namespace puna
