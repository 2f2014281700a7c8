#include "engine/base/machine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace puna {
namespace {

namespace fs = std::filesystem;

// A system's files in a directory of their own.
class FakeSystem : public ::testing::Test {
 protected:
  FakeSystem() {
    std::string name = (fs::temp_directory_path() / "puna-machine-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~FakeSystem() override { fs::remove_all(root_); }

  void Write(const std::string& file, const std::string& text) {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  void WriteCpu(int cpu, int package, int core) {
    const std::string directory = "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    Write(directory + "physical_package_id", std::to_string(package) + "\n");
    Write(directory + "core_id", std::to_string(core) + "\n");
  }

  fs::path root_;
};

TEST_F(FakeSystem, HardwareThreadsOfOneCoreCountOnce) {
  for (int cpu = 0; cpu < 8; ++cpu) WriteCpu(cpu, 0, cpu / 2);
  EXPECT_EQ(internal::PhysicalCores(root_, std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}), 4);
  EXPECT_EQ(internal::PhysicalCores(root_, std::vector<int>{0, 2, 4}), 3);
  EXPECT_EQ(internal::PhysicalCores(root_, std::vector<int>{0, 1}), 1);
}

TEST_F(FakeSystem, EqualCoreNumbersInTwoSocketsAreTwoCores) {
  WriteCpu(0, 0, 0);
  WriteCpu(1, 1, 0);
  EXPECT_EQ(internal::PhysicalCores(root_, std::vector<int>{0, 1}), 2);
}

TEST_F(FakeSystem, WithoutTopologyEveryCpuIsACore) {
  EXPECT_EQ(internal::PhysicalCores(root_, std::vector<int>{0, 1, 2}), 3);
}

TEST_F(FakeSystem, NoControlGroupMeansNoQuota) {
  EXPECT_TRUE(std::isinf(internal::CpuQuota(root_)));
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_TRUE(std::isinf(internal::CpuQuota(root_)));
}

TEST_F(FakeSystem, QuotaOfVersion2IsTheSmallestOnTheWayUp) {
  Write("proc/self/cgroup", "0::/system.slice/puna.service\n");
  Write("sys/fs/cgroup/system.slice/puna.service/cpu.max", "400000 100000\n");
  Write("sys/fs/cgroup/system.slice/cpu.max", "150000 100000\n");
  EXPECT_DOUBLE_EQ(internal::CpuQuota(root_), 1.5);
}

// In a container the path in /proc/self/cgroup may be the host's; the mount point is the group itself.
TEST_F(FakeSystem, QuotaOfAContainerIsAtTheMountPoint) {
  Write("proc/self/cgroup", "0::/docker/0123abcd\n");
  Write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  EXPECT_DOUBLE_EQ(internal::CpuQuota(root_), 2.0);
}

TEST_F(FakeSystem, QuotaOfVersion1) {
  Write("proc/self/cgroup", "5:memory:/group\n4:cpu,cpuacct:/group\n");
  Write("sys/fs/cgroup/cpu,cpuacct/group/cpu.cfs_quota_us", "300000\n");
  Write("sys/fs/cgroup/cpu,cpuacct/group/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(internal::CpuQuota(root_), 3.0);
  Write("sys/fs/cgroup/cpu,cpuacct/group/cpu.cfs_quota_us", "-1\n");
  EXPECT_TRUE(std::isinf(internal::CpuQuota(root_)));
}

TEST_F(FakeSystem, MemoryIsWhatTheSystemHasOrTheGroupAllows) {
  EXPECT_EQ(internal::AvailableMemory(root_), 0u);
  Write("proc/meminfo", "MemTotal:       32000000 kB\nMemFree: 1000 kB\nMemAvailable:   8000000 kB\n");
  EXPECT_EQ(internal::AvailableMemory(root_), uint64_t{8000000} * 1024);
  Write("proc/self/cgroup", "0::/puna\n");
  Write("sys/fs/cgroup/puna/memory.max", "4000000000\n");
  Write("sys/fs/cgroup/puna/memory.current", "3000000000\n");
  Write("sys/fs/cgroup/puna/memory.stat", "anon 500\ninactive_file 200000000\nslab 3\n");
  EXPECT_EQ(internal::AvailableMemory(root_), 1200000000u);
  Write("sys/fs/cgroup/puna/memory.max", "max\n");
  EXPECT_EQ(internal::AvailableMemory(root_), uint64_t{8000000} * 1024);
  Write("sys/fs/cgroup/puna/memory.max", "1000\n");  // lowered below what is used
  EXPECT_EQ(internal::AvailableMemory(root_), 0u);
}

TEST_F(FakeSystem, MemoryLimitOfVersion1) {
  Write("proc/meminfo", "MemAvailable:   8000000 kB\n");
  Write("proc/self/cgroup", "5:memory:/group\n");
  Write("sys/fs/cgroup/memory/group/memory.limit_in_bytes", "2000000000\n");
  Write("sys/fs/cgroup/memory/group/memory.usage_in_bytes", "500000000\n");
  EXPECT_EQ(internal::AvailableMemory(root_), 1500000000u);
}

TEST(MachineTest, ThisMachineHasAtLeastOneCoreAndSomeMemory) {
  EXPECT_GE(AvailableCpus(), 1);
  EXPECT_GE(DefaultThreadCount(), 1);
  EXPECT_LE(DefaultThreadCount(), AvailableCpus());
  EXPECT_GT(AvailableMemory(), 0u);
}

}  // namespace
}  // namespace puna
