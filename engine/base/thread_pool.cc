#include "engine/base/thread_pool.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/machine.h"

namespace puna {
namespace {

// About 20 microseconds on a 3 GHz core: longer than the gaps between the parallel parts of one step, shorter
// than anybody notices as load.
constexpr int kSpins = 4000;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Returns when `value` is no longer `old`.
void WaitWhile(const std::atomic<uint32_t>& value, uint32_t old, int spins) {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    Pause();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int threads)
    // With more threads than cores a spinning thread keeps a working one from its core: sleep at once.
    : threads_(threads), spins_(threads > AvailableCores() ? 0 : kSpins) {
  CHECK(threads >= 1) << "threads " << threads;
  workers_.reserve(static_cast<size_t>(threads - 1));
  for (int thread = 1; thread < threads; ++thread) {
    workers_.emplace_back([this, thread] { Work(thread); });
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::RunErased(Function function, void* context) {
  if (threads_ > 1) {
    function_ = function;
    context_ = context;
    working_.store(static_cast<uint32_t>(threads_ - 1), std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
  }
  function(context, 0);
  for (uint32_t left = working_.load(std::memory_order_acquire); left != 0;
       left = working_.load(std::memory_order_acquire)) {
    WaitWhile(working_, left, spins_);
  }
}

void ThreadPool::Work(int thread) {
  uint32_t seen = 0;
  for (;;) {
    WaitWhile(round_, seen, spins_);
    ++seen;  // rounds follow one by one: the next is raised only after this worker has finished the last
    if (stop_.load(std::memory_order_relaxed)) return;
    function_(context_, thread);
    if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) working_.notify_one();
  }
}

Range Split(size_t size, size_t grain, int part, int parts) {
  CHECK(grain >= 1 && parts >= 1 && part >= 0 && part < parts) << grain << ' ' << part << ' ' << parts;
  const size_t grains = (size + grain - 1) / grain;
  const auto bound = [&](int i) {
    return std::min(size, grains * static_cast<size_t>(i) / static_cast<size_t>(parts) * grain);
  };
  return {bound(part), bound(part + 1)};
}

}  // namespace puna
