#pragma once

#include <algorithm>
#include <ctime>
#include <limits>

namespace puna {

// The shortest of many short runs: on a machine that others use too, the one nobody disturbed. With one
// thread it counts that thread's processor time, which waiting for a turn does not add to; with several it
// counts time on the clock.
class BestTime {
 public:
  explicit BestTime(int threads) : clock_(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC) {}

  template <class Work>
  void Run(const Work& work) {
    const double start = Now();
    work();
    seconds_ = std::min(seconds_, Now() - start);
  }
  double seconds() const { return seconds_; }

 private:
  double Now() const {
    timespec now{};
    clock_gettime(clock_, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }

  clockid_t clock_;
  double seconds_ = std::numeric_limits<double>::infinity();
};

}  // namespace puna
