#include "server/check/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace puna {

Progress::Progress(uint64_t total, Listener listener) : total_(total), listener_(std::move(listener)) {}

void Progress::Add(uint64_t done) {
  done_ = std::min(done_ + done, total_);
  const int percent = static_cast<int>(static_cast<double>(done_) / static_cast<double>(total_) * 100);
  if (percent <= told_) return;
  told_ = percent;
  if (listener_) listener_(percent);
}

Progress::Listener ProgressLines(int fd, std::string what) {
  const bool terminal = isatty(fd) != 0;
  return [fd, terminal, what = std::move(what), tenths = 0](int percent) mutable {
    if (!terminal && percent / 10 <= tenths) return;
    tenths = percent / 10;
    const std::string line =
        terminal ? fmt::format("\r{}: {} %{}", what, percent, percent == 100 ? "\r\x1b[K" : "")
                 : fmt::format("{}: {} %\n", what, percent);
    // Nobody needs to read it.
    [[maybe_unused]] const ssize_t written = write(fd, line.data(), line.size());
  };
}

}  // namespace puna
