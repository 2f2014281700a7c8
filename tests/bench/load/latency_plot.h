#pragma once

#include <span>
#include <string>

#include "tests/bench/load/client_loop.h"

namespace puna::bench {

// An SVG picture of two panels, the time to the first token and the time between tokens: milliseconds
// (logarithmic) over percentiles, whose distances grow towards the slowest, one line per result.
std::string LatencyPlot(std::span<const LoadResult> results);

}  // namespace puna::bench
