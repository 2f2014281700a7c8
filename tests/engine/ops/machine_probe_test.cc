#include "engine/ops/machine_probe.h"

#include <gtest/gtest.h>

#include <vector>

#include "engine/base/thread_pool.h"
#include "tests/engine/ops/kernel_test.h"

namespace puna {
namespace {

class MachineProbeTest : public KernelTest {};
INSTANTIATE_KERNEL_TEST(MachineProbeTest);

TEST_P(MachineProbeTest, EveryByteCounts) {
  ThreadPool pool(3);
  std::vector<std::byte> bytes(3 * 4096);
  const uint64_t before = ReadAll(pool, bytes);
  for (size_t i = 0; i < bytes.size(); i += 61) {
    bytes[i] = std::byte{1};
    EXPECT_NE(ReadAll(pool, bytes), before) << i;
    bytes[i] = std::byte{0};
  }
}

TEST_P(MachineProbeTest, MultiplyAddsOfAllThreadsAreCounted) {
  ThreadPool one(1);
  ThreadPool three(3);
  const double operations = MultiplyAddAll(one, 1);
  EXPECT_GE(operations, 2 * 4 * 8);  // some registers of four lanes at least
  EXPECT_EQ(MultiplyAddAll(one, 100), 100 * operations);
  EXPECT_EQ(MultiplyAddAll(three, 100), 300 * operations);
}

}  // namespace
}  // namespace puna
