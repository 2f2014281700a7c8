#pragma once

#include <ostream>

#include "server/options.h"

namespace puna {

// Asks a server on this machine for /health and writes one line about it. Throws Error, and so exit code 1,
// unless it is ready for requests: for health checks of containers that have no curl.
void CheckHealth(const HealthOptions& options, std::ostream& out);

}  // namespace puna
