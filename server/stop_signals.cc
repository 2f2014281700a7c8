#include "server/stop_signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "engine/base/check.h"

namespace puna {

StopSignals::StopSignals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
  fd_ = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
  CHECK(fd_ >= 0) << "signalfd";
}

StopSignals::~StopSignals() { close(fd_); }

bool StopSignals::Take() {
  signalfd_siginfo info;
  return read(fd_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info));
}

}  // namespace puna
