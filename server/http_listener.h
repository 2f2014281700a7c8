#pragma once

#include <string>

namespace puna {

// Opens a listening TCP socket (non-blocking, close-on-exec) on a name or an address of this machine. port 0:
// any free one. "localhost" is IPv4 where both exist; "::" takes IPv4 too. The port is never shared with
// another process. Returns the descriptor, which the caller closes. Throws Error: unknown host, not our
// address, port taken, no permission.
int OpenHttpListener(const std::string& host, int port);

// The port a listening socket is bound to.
int ListenerPort(int fd);

}  // namespace puna
