#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/request_output.h"

namespace puna {

// Wakes the readers of what a step has delivered. To wake a thread takes the waker microseconds, and with
// many streams the next step would wait for all of them: so the engine thread wakes at most one thread per
// step, the reader if there is one, else a thread of this class that wakes the others.
class ReaderWaker {
 public:
  ReaderWaker();
  ~ReaderWaker();  // wakes whoever was noted

  // The engine thread.

  // Something was delivered to `output`: its reader is to be woken. One that is noted again and again is
  // woken once.
  void Note(const std::shared_ptr<RequestOutput>& output);
  // Wakes everyone noted since the last call, now or very soon.
  void WakeNoted();

 private:
  using Outputs = std::vector<std::shared_ptr<RequestOutput>>;

  void Run();

  Outputs noted_;  // the engine thread's alone

  std::mutex mu_;
  std::condition_variable changed_;
  Outputs handed_over_;    // guarded by mu_
  bool stopping_ = false;  // guarded by mu_
  std::thread thread_;
};

}  // namespace puna
