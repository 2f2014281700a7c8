#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace puna {

// One line on a terminal that is written over, and nothing where there is none. On standard error.
class ProgressLine {
 public:
  ~ProgressLine() { Clear(); }

  void Show(const std::string& text) const {
    if (shown_) fmt::print(stderr, "\r\x1b[K{}", text);
  }
  void Clear() const {
    if (shown_) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  const bool shown_ = isatty(STDERR_FILENO) != 0;
};

}  // namespace puna
