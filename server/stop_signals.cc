#include "server/stop_signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "engine/base/check.h"
#include "engine/base/error.h"

namespace puna {

StopSignals::StopSignals(bool hang_up) {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (hang_up) sigaddset(&signals, SIGHUP);
  CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
  fd_ = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd_ < 0) throw Error(std::string("cannot wait for signals: ") + std::strerror(errno));
}

StopSignals::~StopSignals() { close(fd_); }

bool StopSignals::Take() {
  signalfd_siginfo info;
  while (read(fd_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
    if (info.ssi_signo != SIGHUP) return true;
    if (on_hang_up_) on_hang_up_();
  }
  return false;
}

}  // namespace puna
