#include "server/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <utility>

namespace puna {

std::optional<std::string> LineReader::Next() {
  while (true) {
    if (const size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();
      return line;
    }
    if (ended_) return buffer_.empty() ? std::nullopt : std::optional(std::exchange(buffer_, ""));
    pollfd wait[] = {{fd_, POLLIN, 0}, {signals_.fd(), POLLIN, 0}};
    poll(wait, 2, -1);
    if (wait[1].revents != 0 && signals_.Take()) return std::nullopt;
    if (wait[0].revents == 0) continue;
    char bytes[4096];
    const ssize_t count = read(fd_, bytes, sizeof(bytes));
    if (count <= 0) {
      ended_ = true;
    } else {
      buffer_.append(bytes, static_cast<size_t>(count));
    }
  }
}

}  // namespace puna
