#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace puna {

class ThreadPool;

// What this machine can do at most, measured beside the kernels, with their threads and instruction set:
// figures are given as fractions of these, because absolute ones say more about the machine and its load.

// Reads `bytes` once with all threads, each a contiguous part, and returns a number that depends on all of
// them.
uint64_t ReadAll(ThreadPool& pool, std::span<const std::byte> bytes);

// Runs `steps` rounds of independent fused multiply-adds in f32 on registers alone, on every thread. Returns
// how many floating-point operations that were: two for each multiply-add of each lane.
double MultiplyAddAll(ThreadPool& pool, size_t steps);

}  // namespace puna
