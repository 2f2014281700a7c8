#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "tests/bench/load/client_loop.h"

namespace puna::bench {

// A line per result with throughput and latencies, then what failed. `ratio` is tokens/s against the first
// result.
std::string Table(std::span<const LoadResult> results);

nlohmann::ordered_json ReportJson(std::span<const LoadResult> results);

}  // namespace puna::bench
