#pragma once

#include <cstdint>

namespace puna {

// What this process may use of the machine, containers' limits included. Read anew on each call.

// Logical processors in the affinity mask, at most the cgroup's CPU quota rounded up; at least 1.
int AvailableCores();

// One thread per physical core among them: a second hyperthread adds nothing to memory bandwidth or
// multiply-add units.
int DefaultThreadCount();

// Bytes that can be taken without pushing anything out: MemAvailable, at most what the cgroup's limit leaves.
int64_t AvailableMemory();

}  // namespace puna
