#include "engine/base/thread_pool.h"

#include <algorithm>
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

void CallOrTerminate(const ParallelBody& body, int part, int parts) noexcept { body(part, parts); }

}  // namespace

ThreadPool::ThreadPool(int threads)
    : threads_(threads),
      spin_(threads <= AvailableCpus()),
      claims_(static_cast<size_t>(std::max(threads, 1))) {
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
  const uint32_t epoch = epoch_.load(std::memory_order_relaxed) + 1;
  claims_[0].epoch.store(epoch, std::memory_order_relaxed);  // the caller's
  epoch_.store(epoch, std::memory_order_release);
  epoch_.notify_all();
  CallOrTerminate(body, 0, threads_);
  finished_.fetch_add(1, std::memory_order_acq_rel);
  RunUnclaimedParts(1, epoch);

  const auto parts = static_cast<uint32_t>(threads_);
  for (uint32_t done = finished_.load(std::memory_order_acquire); done != parts;
       done = finished_.load(std::memory_order_acquire)) {
    if (!SpinUntilChanged(finished_, done)) finished_.wait(done, std::memory_order_acquire);
  }
}

void ThreadPool::Work(int thread) {
  for (uint32_t seen = 0;;) {
    while (epoch_.load(std::memory_order_acquire) == seen) {
      if (!SpinUntilChanged(epoch_, seen)) epoch_.wait(seen, std::memory_order_acquire);
    }
    seen = epoch_.load(std::memory_order_acquire);
    if (stopping_) return;
    RunUnclaimedParts(thread, seen);
  }
}

// Part `first` and then the ones after it, around to the one before it.
void ThreadPool::RunUnclaimedParts(int first, uint32_t epoch) {
  for (int i = 0; i < threads_; ++i) {
    const int part = (first + i) % threads_;
    // Every part was claimed in every region before, so a claim that is not the last region's is this one's
    // or, if this thread comes late, a later one's.
    uint32_t last = epoch - 1;
    std::atomic<uint32_t>& claim = claims_[static_cast<size_t>(part)].epoch;
    if (!claim.compare_exchange_strong(last, epoch, std::memory_order_acq_rel)) continue;
    CallOrTerminate(*body_, part, threads_);
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
