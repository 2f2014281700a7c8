#pragma once

#include <ostream>

#include "server/options.h"

namespace puna {

// Looks at a model directory as closely as can be, before it is served: structure, tokenizer, every number,
// the sums of checklist.chk, and whether it fits into this machine's memory. One line per check in `out`,
// progress on descriptor `progress_fd` (-1: none). Throws Error if anything is wrong.
void CheckModel(const CheckOptions& options, std::ostream& out, int progress_fd);

}  // namespace puna
