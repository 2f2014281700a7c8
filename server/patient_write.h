#pragma once

#include <atomic>
#include <chrono>
#include <string_view>

namespace puna {

// Writes to a descriptor behind which there may be a pipe or a terminal that takes nothing: waits for room
// only until `give_up`, which another thread may bring forward meanwhile. False if not all was written. For
// one writer at a time.
bool PatientWrite(int fd, std::string_view text,
                  const std::atomic<std::chrono::steady_clock::time_point>& give_up);

}  // namespace puna
