#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace puna {

// spdlog's default logger for as long as this lives. A thread of its own writes the lines, and a pipe or a
// terminal that takes none never holds up who logs: beyond 8192 waiting lines the oldest are lost.
class ProgramLog {
 public:
  // `level`: of spdlog. REQUIRES: signals that other threads wait for are blocked already (StopSignals).
  ProgramLog(const std::string& level, int fd);
  // Appends to a file. Throws Error if it cannot be opened.
  ProgramLog(const std::string& level, const std::filesystem::path& file);
  // Writes what waits, if that can be done within a second.
  ~ProgramLog();
  ProgramLog(const ProgramLog&) = delete;
  ProgramLog& operator=(const ProgramLog&) = delete;

  // The file by its name anew, from the next line on, which this writes: somebody has moved the old one away.
  // If that fails the old one is kept, and says why. Nothing if the log is no file. Any thread.
  void Reopen();

 private:
  void Start(const std::string& level);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace puna
