#include "engine/base/thread_pool.h"

#include <chrono>

#include "engine/base/check.h"
#include "engine/base/machine.h"

namespace puna {
namespace {

// Longer than the serial work between two regions of a step, far shorter than what a user would call load.
constexpr std::chrono::microseconds kSpin(50);
constexpr int kPausesPerClockRead = 32;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

void CallOrTerminate(const ParallelBody& body, int thread, int threads) noexcept { body(thread, threads); }

}  // namespace

ThreadPool::ThreadPool(int threads) : threads_(threads), spin_(threads <= AvailableCpus()) {
  CHECK(threads >= 1) << "threads " << threads;
  workers_.reserve(static_cast<size_t>(threads - 1));
  for (int thread = 1; thread < threads; ++thread) workers_.emplace_back([this, thread] { Work(thread); });
}

ThreadPool::~ThreadPool() {
  stopping_ = true;
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(ParallelBody body) {
  if (threads_ == 1) {
    CallOrTerminate(body, 0, 1);
    return;
  }
  body_ = &body;
  finished_.store(0, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  CallOrTerminate(body, 0, threads_);

  const auto workers = static_cast<uint32_t>(threads_ - 1);
  for (uint32_t done = finished_.load(std::memory_order_acquire); done != workers;
       done = finished_.load(std::memory_order_acquire)) {
    if (!SpinUntilChanged(finished_, done)) finished_.wait(done, std::memory_order_acquire);
  }
}

void ThreadPool::Work(int thread) {
  for (uint32_t seen = 0;; ++seen) {
    while (epoch_.load(std::memory_order_acquire) == seen) {
      if (!SpinUntilChanged(epoch_, seen)) epoch_.wait(seen, std::memory_order_acquire);
    }
    if (stopping_) return;
    CallOrTerminate(*body_, thread, threads_);
    finished_.fetch_add(1, std::memory_order_acq_rel);
    finished_.notify_one();
  }
}

bool ThreadPool::SpinUntilChanged(const std::atomic<uint32_t>& word, uint32_t old) const {
  if (!spin_) return false;
  const auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < kPausesPerClockRead; ++i) {
      if (word.load(std::memory_order_acquire) != old) return true;
      Pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return false;
}

}  // namespace puna
