#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

// What this process may use of the machine: the scheduler's affinity mask and its control group (v1 or v2)
// count, not what the hardware has.
namespace puna {

// Hardware threads this process may run on.
int AvailableCpus();

// Threads that arithmetic should use: physical cores among AvailableCpus (a second hardware thread of a core
// adds nothing to FMA or memory bandwidth), at most the whole CPUs of the control group's quota; at least 1.
int DefaultThreadCount();

// Bytes that can be allocated without swapping or meeting the control group's limit: the smaller of
// MemAvailable and what the limit leaves. 0 if unknown.
uint64_t AvailableMemory();

namespace internal {

// The same from the files of a system whose root directory is `root`; tests bring their own.
int PhysicalCores(const std::filesystem::path& root, std::span<const int> cpus);
double CpuQuota(const std::filesystem::path& root);  // CPUs; +infinity without a quota
uint64_t AvailableMemory(const std::filesystem::path& root);

}  // namespace internal
}  // namespace puna
