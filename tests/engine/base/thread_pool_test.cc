#include "engine/base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <initializer_list>
#include <stdexcept>
#include <thread>
#include <vector>

namespace puna {
namespace {

TEST(ThreadPoolTest, EveryPartRunsOnceAndTheCallerRunsPartZero) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    std::vector<int> calls(static_cast<size_t>(threads));
    std::vector<std::thread::id> ids(calls.size());
    pool.Run([&](int thread, int of) {
      EXPECT_EQ(of, threads);
      ++calls[static_cast<size_t>(thread)];
      ids[static_cast<size_t>(thread)] = std::this_thread::get_id();
    });
    for (const int count : calls) EXPECT_EQ(count, 1);
    EXPECT_EQ(ids[0], std::this_thread::get_id());
  }
}

// Unsynchronised writes of one region are read in the next by other threads: the pool orders them.
TEST(ThreadPoolTest, ManyTinyRegionsSeeWhatEarlierOnesWrote) {
  for (const int threads : {2, 3, 5}) {
    ThreadPool pool(threads);
    std::vector<int> values(static_cast<size_t>(threads), 0);
    std::vector<int> next(values.size());
    constexpr int kRegions = 3000;
    for (int region = 0; region < kRegions; ++region) {
      pool.Run([&](int thread, int of) {
        next[static_cast<size_t>(thread)] = values[static_cast<size_t>((thread + 1) % of)] + 1;
      });
      values.swap(next);
    }
    for (const int value : values) EXPECT_EQ(value, kRegions);
  }
}

TEST(ThreadPoolTest, RegionsAfterAPauseFindSleepingWorkers) {
  ThreadPool pool(2);
  std::atomic<int> calls{0};
  for (int round = 0; round < 20; ++round) {
    // Longer than workers spin.
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(300);
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
    pool.Run([&](int, int) { ++calls; });
  }
  EXPECT_EQ(calls, 40);
}

TEST(ThreadPoolTest, ManyMoreThreadsThanCoresStillMeet) {
  ThreadPool pool(32);
  std::atomic<int> calls{0};
  for (int region = 0; region < 200; ++region) pool.Run([&](int, int) { ++calls; });
  EXPECT_EQ(calls, 32 * 200);
}

TEST(ThreadPoolTest, PoolsComeAndGoWithoutRunning) {
  for (int i = 0; i < 50; ++i) ThreadPool pool(4);
}

TEST(ThreadPoolDeathTest, ABodyThatThrowsEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ThreadPool pool(2);
        pool.Run([](int thread, int) {
          if (thread == 1) throw std::runtime_error("lost");
        });
      },
      "lost");
}

using Sizes = std::initializer_list<size_t>;

TEST(StaticSplitTest, PartsAreContiguousCoverAllAndDifferByAtMostOneGranule) {
  for (const size_t n : Sizes{0, 1, 2, 15, 16, 17, 100, 1000}) {
    for (const int threads : {1, 2, 3, 7, 64}) {
      for (const size_t granularity : Sizes{1, 4, 16}) {
        size_t at = 0;
        size_t smallest = n;
        size_t largest = 0;
        for (int thread = 0; thread < threads; ++thread) {
          const Range part = StaticSplit(n, thread, threads, granularity);
          EXPECT_EQ(part.begin, at);
          EXPECT_LE(part.begin, part.end);
          EXPECT_TRUE(part.end == n || part.end % granularity == 0);
          at = part.end;
          smallest = std::min(smallest, part.size());
          largest = std::max(largest, part.size());
        }
        EXPECT_EQ(at, n);
        EXPECT_LE(largest, smallest + 2 * granularity - 1);  // the last granule may be cut short
      }
    }
  }
}

}  // namespace
}  // namespace puna
