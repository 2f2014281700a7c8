#include "server/bench/machine_limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "engine/ops/machine_probe.h"

namespace puna {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 29;
constexpr int kReads = 4;
constexpr int kFmaRuns = 8;
constexpr size_t kFmaSteps = 1'000'000;  // some milliseconds

using Clock = std::chrono::steady_clock;
double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

double MachineLimits::Seconds(const StepCost& cost) const {
  return std::max((cost.weight_bytes + cost.kv_bytes) / bytes_per_second, cost.flops / flops_per_second);
}

MachineLimits MachineLimits::Or(const MachineLimits& other) const {
  return {std::max(bytes_per_second, other.bytes_per_second),
          std::max(flops_per_second, other.flops_per_second)};
}

MachineProbe::MachineProbe(ThreadPool& pool) : pool_(pool), buffer_(kBufferBytes, "the bandwidth probe") {
  // Pages that were never written are all the same page of zeros, in the cache.
  pool_.Run([this](int thread, int threads) {
    const Range mine = StaticSplit(kBufferBytes, thread, threads, 4096);
    std::memset(buffer_.data() + mine.begin, 1, mine.size());
  });
}

MachineLimits MachineProbe::Measure() {
  MachineLimits limits;
  std::atomic<uint64_t> sink{0};
  for (int i = 0; i < kReads; ++i) {
    const auto start = Clock::now();
    sink += ReadAll(pool_, {buffer_.data(), buffer_.size()});
    limits.bytes_per_second =
        std::max(limits.bytes_per_second, static_cast<double>(kBufferBytes) / SecondsSince(start));
  }
  for (int i = 0; i < kFmaRuns; ++i) {
    const auto start = Clock::now();
    const double operations = MultiplyAddAll(pool_, kFmaSteps);
    limits.flops_per_second = std::max(limits.flops_per_second, operations / SecondsSince(start));
  }
  return limits;
}

}  // namespace puna
