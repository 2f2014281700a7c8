#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/bench/load/workload.h"

namespace puna::bench {

struct LoadTarget {
  std::string host;  // an IPv4 address
  int port = 0;
  std::string headers;  // each "Name: value\r\n"
};

// How long a run is: whichever ends first of those above 0. REQUIRES: one of them is.
struct LoadLength {
  int64_t requests = 0;  // of all clients together
  double seconds = 0;    // what runs then is broken off
};

struct LoadResult {
  int clients = 0;
  double seconds = 0;
  int64_t completed = 0;
  int64_t left = 0;                       // by the client, on purpose or at the end of the run
  std::map<std::string, int64_t> failed;  // by what happened
  int64_t prompt_tokens = 0;              // of completed answers
  int64_t cached_tokens = 0;              // of those
  int64_t tokens = 0;                     // of completed answers, and the pieces of text of the others
  std::vector<double> first_ms;           // from the start of connecting to the first piece of text
  std::vector<double> gaps_ms;            // from a piece of text to the next of the same answer

  int64_t failures() const;
  double TokensPerSecond() const { return seconds > 0 ? static_cast<double>(tokens) / seconds : 0; }
};

// Runs `clients` clients in this one thread. Each asks, reads its answer to the end, and asks again on a new
// connection. Requests are numbered from `first_number` in the order in which they start. Throws Error if the
// server cannot be reached at all.
LoadResult RunClients(const LoadTarget& target, const Workload& workload, int clients,
                      const LoadLength& length, int64_t first_number);

}  // namespace puna::bench
