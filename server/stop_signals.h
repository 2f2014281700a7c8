#pragma once

#include <functional>
#include <utility>

namespace puna {

// SIGINT and SIGTERM as something to wait for in place of something that interrupts. Blocks both in the
// thread that makes it and in all threads it starts afterwards: make it first. SIGPIPE is ignored from then
// on: a reader that leaves is an error of the write. With `hang_up`, SIGHUP is one to wait for too; without,
// it ends the program as it ends any other whose terminal closes.
class StopSignals {
 public:
  explicit StopSignals(bool hang_up = false);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Takes one signal to stop that has arrived, without waiting. Any thread. A SIGHUP before it is taken too,
  // and on_hang_up called.
  bool Take();

  // Before Take only.
  void OnHangUp(std::function<void()> on_hang_up) { on_hang_up_ = std::move(on_hang_up); }

  // Readable (poll) while a signal is there to be taken.
  int fd() const { return fd_; }

 private:
  int fd_;
  std::function<void()> on_hang_up_;
};

}  // namespace puna
