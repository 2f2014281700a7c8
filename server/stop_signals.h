#pragma once

namespace puna {

// SIGINT and SIGTERM as something to wait for in place of something that interrupts. Blocks both in the
// thread that makes it and in all threads it starts afterwards: make it first. SIGPIPE is ignored from then
// on: a reader that leaves is an error of the write.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Takes one signal that has arrived, without waiting. Any thread.
  bool Take();

  // Readable (poll) while a signal is there to be taken.
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace puna
