#include "engine/base/machine.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace puna {
namespace {

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::vector<int> AffinityCores() {
  std::vector<int> cores;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return {0};
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<size_t>(core), &set)) cores.push_back(core);
  }
  return cores;
}

// This process's own cgroup and its ancestors, innermost first: a limit set on any of them holds. A container
// usually sees its own group as the root, where the loop ends at once.
std::vector<std::string> CgroupDirs(const std::string& mount, const std::string& controller) {
  std::vector<std::string> dirs;
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {  // "0::/path" (v2) or "4:cpu,cpuacct:/path" (v1)
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool ours = controller.empty() ? controllers == ",,"
                                         : controllers.find("," + controller + ",") != std::string::npos;
    if (!ours) continue;
    for (std::string path = line.substr(second + 1); path.size() > 1; path.resize(path.rfind('/'))) {
      dirs.push_back(mount + path);
    }
  }
  dirs.push_back(mount);
  return dirs;
}

double CpuQuota() {
  double quota = std::numeric_limits<double>::infinity();
  for (const std::string& dir : CgroupDirs("/sys/fs/cgroup", "")) {
    std::istringstream line(FirstLine(dir + "/cpu.max"));  // "max 100000" or "150000 100000"
    double used = 0;
    double period = 0;
    if (line >> used >> period && period > 0) quota = std::min(quota, used / period);
  }
  for (const std::string& dir : CgroupDirs("/sys/fs/cgroup/cpu", "cpu")) {
    std::istringstream used(FirstLine(dir + "/cpu.cfs_quota_us"));
    std::istringstream period(FirstLine(dir + "/cpu.cfs_period_us"));
    double u = 0;
    double p = 0;
    if (used >> u && period >> p && u > 0 && p > 0) quota = std::min(quota, u / p);
  }
  return quota;
}

int CapByQuota(size_t cores) {
  const double quota = std::max(1.0, std::ceil(CpuQuota()));
  return static_cast<int>(std::max(1.0, std::min(static_cast<double>(cores), quota)));
}

// What a memory cgroup has left, or the largest number where it sets no limit. Page cache counts as free: the
// kernel gives it back when asked.
int64_t Left(const std::string& dir, const char* limit_name, const char* usage_name) {
  std::istringstream limit(FirstLine(dir + limit_name));
  std::istringstream usage(FirstLine(dir + usage_name));
  int64_t most = 0;
  int64_t used = 0;
  if (!(limit >> most && usage >> used)) return std::numeric_limits<int64_t>::max();
  std::ifstream stat(dir + "/memory.stat");
  std::string key;
  int64_t value = 0;
  while (stat >> key >> value) {
    if (key == "inactive_file" || key == "active_file") used -= value;
  }
  return std::max<int64_t>(0, most - std::max<int64_t>(0, used));
}

}  // namespace

int AvailableCores() { return CapByQuota(AffinityCores().size()); }

int DefaultThreadCount() {
  std::set<std::string> physical;
  for (const int core : AffinityCores()) {
    const std::string dir = fmt::format("/sys/devices/system/cpu/cpu{}/topology/", core);
    const std::string siblings = FirstLine(dir + "thread_siblings_list");
    physical.insert(siblings.empty() ? fmt::format("cpu{}", core) : siblings);
  }
  return CapByQuota(physical.size());
}

int64_t AvailableMemory() {
  int64_t available = std::numeric_limits<int64_t>::max();
  std::ifstream file("/proc/meminfo");
  std::string key;
  int64_t kib = 0;
  std::string unit;
  while (file >> key >> kib && std::getline(file, unit)) {
    if (key == "MemAvailable:") available = kib * 1024;
  }
  for (const std::string& dir : CgroupDirs("/sys/fs/cgroup", "")) {
    available = std::min(available, Left(dir, "/memory.max", "/memory.current"));
  }
  for (const std::string& dir : CgroupDirs("/sys/fs/cgroup/memory", "memory")) {
    available = std::min(available, Left(dir, "/memory.limit_in_bytes", "/memory.usage_in_bytes"));
  }
  return available;
}

}  // namespace puna
