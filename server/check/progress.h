#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace puna {

// How far a long piece of work is, told each time another hundredth of it is done.
class Progress {
 public:
  // Percent from 0 to 100, ascending.
  using Listener = std::function<void(int percent)>;

  // `total`: units of work; `listener` may be empty.
  Progress(uint64_t total, Listener listener);
  void Add(uint64_t done);

 private:
  const uint64_t total_;
  const Listener listener_;
  uint64_t done_ = 0;
  int told_ = 0;
};

// Writes "what: N %" to a terminal in place, or as a line every tenth if `fd` is none.
Progress::Listener ProgressLines(int fd, std::string what);

}  // namespace puna
