#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/request_output.h"

namespace puna {

// Wakes the readers of what steps have delivered, on a thread of its own: to wake one takes microseconds, and
// the next step would wait for all of them. A small model makes a token in less time than it takes to wake
// its reader and send it, and on the same cores: so after readers were woken there is a rest, and what is
// delivered meanwhile is read together after it. First tokens and ends do not wait for that, and whatever
// comes less often than once in a rest never does.
class ReaderWaker {
 public:
  // 250 times a second: more often than any screen shows, rarely enough to cost little.
  static constexpr std::chrono::milliseconds kRest{4};

  explicit ReaderWaker(std::chrono::milliseconds rest = kRest);
  ~ReaderWaker();  // wakes whoever was noted

  // The engine thread.

  // Something was delivered to `output`: its reader is to be woken, `at_once` even in a rest.
  void Note(const std::shared_ptr<RequestOutput>& output, bool at_once);
  // Everyone noted since the last call is woken when the next rest is over, or very soon if there is none.
  void WakeNoted();

 private:
  using Outputs = std::vector<std::shared_ptr<RequestOutput>>;

  void Run();

  const std::chrono::milliseconds rest_;

  // The engine thread's alone.
  Outputs noted_;
  bool noted_at_once_ = false;

  std::mutex mu_;
  std::condition_variable changed_;
  Outputs handed_over_;    // guarded by mu_
  bool at_once_ = false;   // guarded by mu_: one of handed_over_ does not wait
  bool resting_ = false;   // guarded by mu_: the thread looks again by itself
  bool stopping_ = false;  // guarded by mu_
  std::thread thread_;
};

}  // namespace puna
