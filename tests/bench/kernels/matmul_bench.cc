// MatMul at the shapes of Llama 3.2 1B: dim 2048, hidden 8192, vocabulary 128256. One row reports its
// share of the machine's read bandwidth, many rows their share of its multiply-add peak, both probed in turn
// with the kernel.

#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/base/machine.h"
#include "engine/base/thread_pool.h"
#include "engine/ops/machine_probe.h"
#include "engine/ops/matmul.h"
#include "tests/bench/kernels/best_time.h"

namespace puna {
namespace {

// More weights than any cache holds; products take successive parts of them.
constexpr size_t kWeightBytes = size_t{768} << 20;

struct Fixture {
  Fixture() : weights(kWeightBytes, "weights") {
    auto* values = reinterpret_cast<uint16_t*>(weights.data());
    std::minstd_rand random(1);
    for (size_t i = 0; i < kWeightBytes / 2; ++i) {
      values[i] = static_cast<uint16_t>(0x3C00 + (random() & 0x83FF));  // some 1/128 to 1/8, either sign
    }
  }
  AlignedBuffer weights;
};

Fixture& Shared() {
  static Fixture fixture;
  return fixture;
}

// Arguments: threads (0: as many as the server would use), rows of x, columns, outputs.
template <DType kType>
void MatMulOf(benchmark::State& state) {
  Fixture& shared = Shared();
  ThreadPool pool(state.range(0) == 0 ? DefaultThreadCount() : static_cast<int>(state.range(0)));
  const auto rows = static_cast<size_t>(state.range(1));
  const auto cols = static_cast<size_t>(state.range(2));
  const auto outputs = static_cast<size_t>(state.range(3));
  const size_t bytes = cols * outputs * SizeOf(kType);
  std::vector<float> x(rows * cols);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 13) - 6.0f;
  std::vector<float> out(rows * outputs);
  MatMulScratch scratch;
  scratch.Reserve(rows, cols);
  BestTime product(pool.threads()), read(pool.threads()), fma(pool.threads());
  size_t at = 0;
  double operations = 0;
  constexpr size_t kProbeBytes = size_t{16} << 20;
  for (auto _ : state) {
    if (at + bytes + kProbeBytes > kWeightBytes) at = 0;
    const MatrixView weight{kType, static_cast<int64_t>(outputs), static_cast<int64_t>(cols),
                            shared.weights.data() + at};
    const Projection projection{weight, out.data(), static_cast<ptrdiff_t>(outputs)};
    product.Run([&] {
      MatMul(pool, x.data(), static_cast<ptrdiff_t>(cols), rows, cols, {&projection, 1}, scratch);
    });
    at += bytes;
    read.Run([&] { benchmark::DoNotOptimize(ReadAll(pool, {shared.weights.data() + at, kProbeBytes})); });
    at += kProbeBytes;
    fma.Run([&] { operations = MultiplyAddAll(pool, 20'000); });
  }
  const double flops = 2.0 * static_cast<double>(rows * cols * outputs);
  const double bandwidth = static_cast<double>(kProbeBytes) / read.seconds();
  state.counters["ms"] = product.seconds() * 1e3;
  state.counters["GB/s"] = static_cast<double>(bytes) / product.seconds() / 1e9;
  state.counters["of_read"] = static_cast<double>(bytes) / product.seconds() / bandwidth;
  state.counters["GFLOP/s"] = flops / product.seconds() / 1e9;
  state.counters["of_peak"] = flops / product.seconds() / (operations / fma.seconds());
  state.counters["peak"] = operations / fma.seconds() / 1e9;
  state.counters["read"] = bandwidth / 1e9;
}
// The shapes of the model's layers and of its output, all threads.
void ModelShapes(benchmark::internal::Benchmark* benchmark) {
  for (const int rows : {1, 8, 512}) {
    for (const auto& [cols, outputs] : {std::pair(2048, 3072), {2048, 2048}, {2048, 16384}, {8192, 2048}}) {
      benchmark->Args({0, rows, cols, outputs});
    }
  }
  benchmark->Args({0, 1, 2048, 128256});
}

// Short enough for one time slice of a busy machine, on one thread.
void OneThread(benchmark::internal::Benchmark* benchmark) {
  for (const int rows : {1, 2, 3, 4, 6, 8, 16, 17, 32, 64, 128, 512}) {
    const int outputs = rows == 1 ? 8192 : rows <= 32 ? 2048 : 512;
    for (const int cols : {2048, 8192}) benchmark->Args({1, rows, cols, outputs * 2048 / cols});
  }
}

// Weights of other types: decode alone differs.
void FewRows(benchmark::internal::Benchmark* benchmark) {
  for (const int threads : {0, 1}) {
    for (const int rows : {1, 2, 4, 8, 16, 24}) benchmark->Args({threads, rows, 2048, 8192});
  }
}

BENCHMARK(MatMulOf<DType::kF16>)
    ->ArgNames({"threads", "rows", "cols", "outputs"})
    ->Apply(FewRows)
    ->UseRealTime();
BENCHMARK(MatMulOf<DType::kF32>)
    ->ArgNames({"threads", "rows", "cols", "outputs"})
    ->Apply(FewRows)
    ->UseRealTime();
BENCHMARK(MatMulOf<DType::kBF16>)
    ->ArgNames({"threads", "rows", "cols", "outputs"})
    ->Apply(ModelShapes)
    ->Apply(OneThread)
    ->UseRealTime();

}  // namespace
}  // namespace puna

BENCHMARK_MAIN();
