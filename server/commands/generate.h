#pragma once

#include "server/options.h"
#include "server/stop_signals.h"

namespace puna {

// `puna generate`: a completion, or with --chat a conversation, on the terminal. The text goes to standard
// output while it is made, numbers and times to standard error. Without a prompt, and after it if standard
// input is a terminal, --chat reads messages from standard input until it ends. A signal ends the answer that
// runs; a signal while nothing runs ends the conversation. Throws Error.
void Generate(const GenerateOptions& options, StopSignals& signals);

}  // namespace puna
