#include "tests/support/program_run.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "engine/base/check.h"

namespace puna::test {
namespace {

std::string TextOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

ProgramRun RunProgram(const std::vector<std::string>& command, const std::filesystem::path& directory,
                      unsigned seconds) {
  // Files, not pipes: nobody has to read while it runs.
  const std::filesystem::path out = directory / "stdout";
  const std::filesystem::path err = directory / "stderr";
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  CHECK(child >= 0) << "fork";
  if (child == 0) {
    const int in_fd = ::open("/dev/null", O_RDONLY);
    const int out_fd = ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int err_fd = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (::dup2(in_fd, 0) < 0 || ::dup2(out_fd, 1) < 0 || ::dup2(err_fd, 2) < 0) ::_exit(126);
    if (::chdir(directory.c_str()) != 0) ::_exit(126);
    ::alarm(seconds);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  struct rusage usage {};
  CHECK(::wait4(child, &status, 0, &usage) == child) << "wait4";
  ProgramRun run;
  if (WIFEXITED(status)) run.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) run.signal = WTERMSIG(status);
  run.out = TextOf(out);
  run.err = TextOf(err);
  run.peak_bytes = int64_t{usage.ru_maxrss} * 1024;
  return run;
}

}  // namespace puna::test
