#pragma once

#include <memory>
#include <string>

namespace puna {

// spdlog's default logger for as long as this lives. A thread of its own writes the lines, and a pipe or a
// terminal that takes none never holds up who logs: beyond 8192 waiting lines the oldest are lost.
class ProgramLog {
 public:
  // `level`: of spdlog. REQUIRES: signals that other threads wait for are blocked already (StopSignals).
  ProgramLog(const std::string& level, int fd);
  // Writes what waits, if that can be done within a second.
  ~ProgramLog();
  ProgramLog(const ProgramLog&) = delete;
  ProgramLog& operator=(const ProgramLog&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace puna
