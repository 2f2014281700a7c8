#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace puna::test {

// How a program ended.
struct ProgramRun {
  int exit_code = -1;  // -1: by a signal
  int signal = 0;
  std::string out;
  std::string err;
  int64_t peak_bytes = 0;  // of memory, mapped files included
};

// Runs a program to its end, or for so many seconds of wall time at most, after which SIGALRM ends it. Its
// working directory is `directory`, its standard input is empty.
ProgramRun RunProgram(const std::vector<std::string>& command, const std::filesystem::path& directory,
                      unsigned seconds = 20);

}  // namespace puna::test
