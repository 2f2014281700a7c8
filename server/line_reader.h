#pragma once

#include <optional>
#include <string>

#include "server/stop_signals.h"

namespace puna {

// Lines of a file descriptor, of which a wait can be ended by a signal.
class LineReader {
 public:
  // Both outlive the reader.
  LineReader(int fd, StopSignals& signals) : fd_(fd), signals_(signals) {}

  // The next line without its end. Nothing at the end of the input, or when a signal arrives while it waits.
  std::optional<std::string> Next();

 private:
  int fd_;
  StopSignals& signals_;
  std::string buffer_;  // what was read beyond the last line
  bool ended_ = false;
};

}  // namespace puna
