#pragma once

#include <chrono>
#include <string>

namespace puna {

struct HttpProbeAnswer {
  int status;
  std::string body;
};

// One GET of a server on this machine. `host` is what that server listens on: all addresses ("0.0.0.0", "::")
// mean loopback. Throws Error, one sentence, if nothing answers within `limit`.
HttpProbeAnswer Probe(const std::string& host, int port, const std::string& path,
                      std::chrono::milliseconds limit);

}  // namespace puna
