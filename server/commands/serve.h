#pragma once

#include "server/options.h"
#include "server/stop_signals.h"

namespace puna {

// `puna serve`: opens the port, loads the model, prints a summary with the URL to the descriptor `out`, and
// serves until a signal. Then new requests are refused with 503, running answers may end within
// options.drain, what is left after it (or upon a second signal) ends with an error event, and Serve returns.
// Throws Error if the server cannot start.
void Serve(const ServeOptions& options, StopSignals& signals, int out);

}  // namespace puna
