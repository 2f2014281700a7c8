// Attention at the shapes of Llama 3.2 1B (32 query heads and 8 KV heads of 64). One row at depth reports its
// share of the machine's read bandwidth, a chunk of a prompt its share of the multiply-add peak, both probed
// in turn with it.

#include <benchmark/benchmark.h>

#include <numeric>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/base/machine.h"
#include "engine/base/thread_pool.h"
#include "engine/ops/attention.h"
#include "engine/ops/machine_probe.h"
#include "tests/bench/kernels/best_time.h"

namespace puna {
namespace {

constexpr AttentionShape kShape{32, 8, 64};
constexpr size_t kLayers = 16;  // a block of the pool holds them all, as the model's does

// Keys and values of one sequence; layers take turns, so that no cache holds what is read next.
class Cache {
 public:
  explicit Cache(size_t positions)
      : blocks_((positions + kKvBlockTokens - 1) / kKvBlockTokens),
        buffer_(blocks_ * kLayers * 2 * kLayerFloats * sizeof(float), "keys and values"),
        table_(blocks_) {
    auto* floats = reinterpret_cast<float*>(buffer_.data());
    for (size_t i = 0; i < buffer_.size() / sizeof(float); ++i)
      floats[i] = static_cast<float>(i % 13) * 0.1f - 0.6f;
    std::iota(table_.begin(), table_.end(), 0);
  }
  KvLayerView Layer(size_t layer) {
    float* keys = reinterpret_cast<float*>(buffer_.data()) + 2 * layer % (2 * kLayers) * kLayerFloats;
    return {keys, keys + kLayerFloats, static_cast<ptrdiff_t>(2 * kLayers * kLayerFloats)};
  }
  std::span<const int32_t> table() const { return table_; }
  std::span<const std::byte> bytes() const { return {buffer_.data(), buffer_.size()}; }

 private:
  static constexpr size_t kLayerFloats = size_t{kShape.n_kv_heads} * kShape.head_dim * kKvBlockTokens;
  size_t blocks_;
  AlignedBuffer buffer_;
  std::vector<int32_t> table_;
};

// Arguments: threads (0: as many as the server would use), rows of the step, positions before them.
void AttentionF32(benchmark::State& state) {
  ThreadPool pool(state.range(0) == 0 ? DefaultThreadCount() : static_cast<int>(state.range(0)));
  const auto rows = static_cast<size_t>(state.range(1));
  const auto depth = static_cast<size_t>(state.range(2));
  constexpr size_t kCols = size_t{kShape.n_heads} * kShape.head_dim;
  Cache cache(depth + rows);
  std::vector<float> q(rows * kCols, 0.01f), out(rows * kCols);
  AttentionScratch scratch;
  scratch.Reserve(kShape, rows, depth + rows, static_cast<size_t>(pool.threads()));
  const AttentionSequence sequence{0, static_cast<int>(rows), static_cast<int>(depth), cache.table()};
  BestTime attention(pool.threads()), read(pool.threads()), fma(pool.threads());
  double operations = 0;
  size_t layer = 0;
  const size_t probe_bytes = cache.bytes().size() / kLayers;
  for (auto _ : state) {
    attention.Run([&] {
      Attention(pool, kShape, {&sequence, 1}, q.data(), kCols, cache.Layer(layer++), out.data(), kCols,
                scratch);
    });
    read.Run([&] {
      benchmark::DoNotOptimize(
          ReadAll(pool, cache.bytes().subspan(layer % kLayers * probe_bytes, probe_bytes)));
    });
    fma.Run([&] { operations = MultiplyAddAll(pool, 20'000); });
  }
  const double seen =
      static_cast<double>(rows) * (static_cast<double>(depth) + (static_cast<double>(rows) + 1) / 2);
  const double flops = 4.0 * kCols * seen;
  const double bytes =
      2.0 * kShape.n_kv_heads * kShape.head_dim * sizeof(float) * static_cast<double>(depth + rows);
  const double bandwidth = static_cast<double>(probe_bytes) / read.seconds();
  state.counters["ms"] = attention.seconds() * 1e3;
  state.counters["GB/s"] = bytes / attention.seconds() / 1e9;
  state.counters["of_read"] = bytes / attention.seconds() / bandwidth;
  state.counters["GFLOP/s"] = flops / attention.seconds() / 1e9;
  state.counters["of_peak"] = flops / attention.seconds() / (operations / fma.seconds());
}
BENCHMARK(AttentionF32)
    ->ArgNames({"threads", "rows", "depth"})
    ->ArgsProduct({{0, 1}, {1}, {2048, 8192}})
    ->ArgsProduct({{0, 1}, {128}, {0, 512, 2048}})
    ->UseRealTime();

}  // namespace
}  // namespace puna

BENCHMARK_MAIN();
