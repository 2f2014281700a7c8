#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace puna {

// The vector instruction sets the kernels were compiled for and this machine has, best first: "avx512",
// "avx2", "neon".
std::vector<std::string> AvailableInstructionSets();

// The one in use.
std::string_view InstructionSet();

// Uses `name` from now on ("" = the best). Throws Error naming the available ones if it is not among them.
// Not thread-safe: call before the engine starts.
void UseInstructionSet(std::string_view name);

// Throws Error with one clear sentence if this machine has none of them (x86-64-v3 with FMA, or NEON, is the
// floor).
void CheckInstructionSet();

}  // namespace puna
