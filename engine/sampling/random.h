#pragma once

#include <array>
#include <cstdint>

namespace puna {

// Philox4x32-10, a counter-based generator: a function of (counter, key), no state. Source: Salmon, Moraes,
// Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// The random number for the answer's token number `index` of choice `choice`: in [0, 1), a multiple of 2^-53.
// Depends on nothing else, so an answer is the same at any load and after any interruption.
double UniformFor(uint64_t seed, uint32_t choice, uint64_t index);

}  // namespace puna
