#include "server/patient_write.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace puna {
namespace {

using Clock = std::chrono::steady_clock;

// How long a change of `give_up` can stay unseen.
constexpr std::chrono::milliseconds kLook{50};

// Whether there is room now, or an error that the write will tell.
bool AwaitRoom(int fd, const std::atomic<Clock::time_point>& give_up) {
  while (true) {
    const auto left = give_up.load() - Clock::now();
    const auto wait = std::clamp<Clock::duration>(left, Clock::duration::zero(), kLook);
    pollfd writable{fd, POLLOUT, 0};
    const int ready =
        poll(&writable, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (left <= Clock::duration::zero()) return false;
  }
}

}  // namespace

bool PatientWrite(int fd, std::string_view text, const std::atomic<Clock::time_point>& give_up) {
  while (!text.empty()) {
    if (!AwaitRoom(fd, give_up)) return false;
    // A pipe with room takes so much without waiting.
    const ssize_t written = write(fd, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
    if (written < 0 && errno != EINTR && errno != EAGAIN) return false;
  }
  return true;
}

}  // namespace puna
