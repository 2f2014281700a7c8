#include "engine/ops/machine_probe.h"

#include <atomic>

#include "engine/base/thread_pool.h"
#include "engine/ops/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/ops/machine_probe.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace puna::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Four streams far apart, as many lines at a time from each: more than the prefetchers make of one stream.
uint64_t ReadKernel(const std::byte* data, size_t bytes) {
  const hn::ScalableTag<uint64_t> d;
  constexpr size_t kStreams = 4;
  constexpr size_t kLine = 8;  // words
  constexpr size_t kAhead = 1024 / 8;
  const size_t n = hn::Lanes(d);
  const size_t words = bytes / 8 / kStreams / kLine * kLine;
  const auto* begin = reinterpret_cast<const uint64_t*>(data);
  hn::Vec<decltype(d)> sums[kStreams];
  for (auto& sum : sums) sum = hn::Zero(d);
  for (size_t i = 0; i < words; i += kLine) {
    for (size_t s = 0; s < kStreams; ++s) {
      const uint64_t* line = begin + s * words + i;
      hwy::Prefetch(line + kAhead);
      for (size_t j = 0; j < kLine; j += n) sums[s] = hn::Xor(sums[s], hn::LoadU(d, line + j));
    }
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Xor(hn::Xor(sums[0], sums[1]), hn::Xor(sums[2], sums[3]))));
}

// `number` is unknown to the compiler, and takes what becomes of it, so that no multiply-add is left out.
double FmaKernel(std::atomic<float>& number, size_t steps) {
  const hn::ScalableTag<float> d;
  constexpr size_t kChains = 12;  // more than the latency of one times how many can start in a cycle
  hn::Vec<decltype(d)> sums[kChains];
  for (auto& sum : sums) sum = hn::Set(d, number);
  const auto x = hn::Set(d, 0.5f * number);
  for (size_t i = 0; i < steps; ++i) {
    for (auto& sum : sums) sum = hn::MulAdd(sum, x, x);
  }
  auto total = sums[0];
  for (size_t i = 1; i < kChains; ++i) total = hn::Add(total, sums[i]);
  number = hn::GetLane(total);
  return static_cast<double>(2 * steps * kChains * hn::Lanes(d));
}

}  // namespace puna::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace puna {

HWY_EXPORT(ReadKernel);
HWY_EXPORT(FmaKernel);

uint64_t ReadAll(ThreadPool& pool, std::span<const std::byte> bytes) {
  std::atomic<uint64_t> sum{0};
  pool.Run([&](int thread, int threads) {
    const Range mine = StaticSplit(bytes.size(), thread, threads, 4096);
    sum += HWY_DYNAMIC_DISPATCH(ReadKernel)(bytes.data() + mine.begin, mine.size());
  });
  return sum;
}

double MultiplyAddAll(ThreadPool& pool, size_t steps) {
  std::atomic<float> number{1.0f};
  std::atomic<double> operations{0};
  pool.Run([&](int, int) { operations += HWY_DYNAMIC_DISPATCH(FmaKernel)(number, steps); });
  return operations;
}

}  // namespace puna
#endif  // HWY_ONCE
