#include "engine/base/machine.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace puna {
namespace {

namespace fs = std::filesystem;

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

// The first word of the file as a number; nothing if there is no file or it says "max".
std::optional<double> ReadNumber(const fs::path& file) {
  std::ifstream in(file);
  double number = 0;
  if (in >> number) return number;
  return std::nullopt;
}

// The control group of this process in the hierarchy of `controller` ("" for the v2 hierarchy), from lines
// such as "4:cpu,cpuacct:/group" and "0::/group".
std::optional<std::string> GroupPath(const fs::path& root, std::string_view controller) {
  std::ifstream in(root / "proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool match = controller.empty()
                           ? controllers == ",,"
                           : controllers.find("," + std::string(controller) + ",") != std::string::npos;
    if (match) return line.substr(second + 1);
  }
  return std::nullopt;
}

// The group's directory and its ancestors' up to the mount point: a limit on any of them counts. Inside a
// container the group's path may not exist under the mount point, whose own files then describe the group.
std::vector<fs::path> GroupDirectories(const fs::path& root, const fs::path& mount,
                                       std::string_view controller) {
  const std::optional<std::string> group = GroupPath(root, controller);
  if (!group) return {};
  std::vector<fs::path> directories;
  for (fs::path path = fs::path(*group).relative_path(); !path.empty(); path = path.parent_path()) {
    directories.push_back(root / mount / path);
  }
  directories.push_back(root / mount);
  return directories;
}

double QuotaOfV2(const fs::path& directory) {
  std::ifstream in(directory / "cpu.max");  // "150000 100000" or "max 100000"
  double quota = 0;
  double period = 0;
  return (in >> quota >> period) && quota > 0 && period > 0 ? quota / period : kUnlimited;
}

double QuotaOfV1(const fs::path& directory) {
  const double quota = ReadNumber(directory / "cpu.cfs_quota_us").value_or(-1);
  const double period = ReadNumber(directory / "cpu.cfs_period_us").value_or(0);
  return quota > 0 && period > 0 ? quota / period : kUnlimited;
}

// What a limit leaves: page cache that can be dropped does not count as used.
double RoomUnder(const fs::path& directory, const char* limit_file, const char* usage_file,
                 const char* cache_name) {
  const std::optional<double> limit = ReadNumber(directory / limit_file);
  const std::optional<double> usage = ReadNumber(directory / usage_file);
  if (!limit || !usage) return kUnlimited;
  double reclaimable = 0;
  std::ifstream stat(directory / "memory.stat");
  std::string name;
  for (double value = 0; stat >> name >> value;) {
    if (name == cache_name) reclaimable = value;
  }
  return std::max(0.0, *limit - std::max(0.0, *usage - reclaimable));
}

double MemAvailable(const fs::path& root) {
  std::ifstream in(root / "proc/meminfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("MemAvailable:")) return std::strtod(line.c_str() + 13, nullptr) * 1024;
  }
  return kUnlimited;
}

std::vector<int> AllowedCpus() {
  // Larger than CPU_SETSIZE would matter only beyond 1024 CPUs; then all of them are assumed.
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
  if (cpus.empty()) {
    const int all = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    for (int cpu = 0; cpu < all; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace

namespace internal {

int PhysicalCores(const fs::path& root, std::span<const int> cpus) {
  std::set<std::pair<double, double>> cores;
  int unknown = 0;
  for (const int cpu : cpus) {
    const fs::path topology = root / "sys/devices/system/cpu" / ("cpu" + std::to_string(cpu)) / "topology";
    const std::optional<double> package = ReadNumber(topology / "physical_package_id");
    const std::optional<double> core = ReadNumber(topology / "core_id");
    if (package && core) {
      cores.emplace(*package, *core);
    } else {
      ++unknown;
    }
  }
  return static_cast<int>(cores.size()) + unknown;
}

double CpuQuota(const fs::path& root) {
  double quota = kUnlimited;
  for (const fs::path& directory : GroupDirectories(root, "sys/fs/cgroup", "")) {
    quota = std::min(quota, QuotaOfV2(directory));
  }
  for (const char* mount : {"sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"}) {
    for (const fs::path& directory : GroupDirectories(root, mount, "cpu")) {
      quota = std::min(quota, QuotaOfV1(directory));
    }
  }
  return quota;
}

uint64_t AvailableMemory(const fs::path& root) {
  double room = MemAvailable(root);
  for (const fs::path& directory : GroupDirectories(root, "sys/fs/cgroup", "")) {
    room = std::min(room, RoomUnder(directory, "memory.max", "memory.current", "inactive_file"));
  }
  for (const fs::path& directory : GroupDirectories(root, "sys/fs/cgroup/memory", "memory")) {
    room = std::min(
        room, RoomUnder(directory, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"));
  }
  return std::isinf(room) ? 0 : static_cast<uint64_t>(room);
}

}  // namespace internal

int AvailableCpus() { return static_cast<int>(AllowedCpus().size()); }

int DefaultThreadCount() {
  const std::vector<int> cpus = AllowedCpus();
  const int cores = internal::PhysicalCores("/", cpus);
  const double quota = internal::CpuQuota("/");
  return std::max(1, quota < cores ? static_cast<int>(quota) : cores);
}

uint64_t AvailableMemory() { return internal::AvailableMemory("/"); }

}  // namespace puna
