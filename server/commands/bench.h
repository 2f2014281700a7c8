#pragma once

#include <ostream>

#include "server/options.h"
#include "server/stop_signals.h"

namespace puna {

// Measures the model beside the machine it runs on and writes a table, or JSON, to `out`; progress goes to a
// terminal's standard error. A signal ends it after the repetition that runs. Throws Error as ModelRuntime
// does.
void Bench(const BenchOptions& options, StopSignals& signals, std::ostream& out);

}  // namespace puna
