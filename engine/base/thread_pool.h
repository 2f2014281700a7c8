#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace puna {

// A borrowed callable body(part, parts): two pointers, no allocation. The callable outlives the call it
// is passed to.
class ParallelBody {
 public:
  template <typename F, typename = std::enable_if_t<!std::is_same_v<std::remove_cvref_t<F>, ParallelBody>>>
  ParallelBody(const F& body)  // NOLINT(google-explicit-constructor): made at the call of Run
      : object_(&body), call_([](const void* object, int part, int parts) {
          (*static_cast<const F*>(object))(part, parts);
        }) {}

  void operator()(int part, int parts) const { call_(object_, part, parts); }

 private:
  const void* object_;
  void (*call_)(const void*, int, int);
};

// A fixed pool of threads that run one parallel region at a time. Between regions workers spin for some
// microseconds (the next region of a step usually follows at once), then sleep in the kernel: an idle pool
// costs no CPU. With more threads than cores nobody spins.
//
// A region has as many parts as the pool has threads, and each thread begins with its own, which it finds in
// its cache. Whoever is done takes a part that nobody has begun: a core that is busy with something else,
// such as the handlers of requests, then makes a region slower but does not hold it up.
//
// Run is called by one thread at a time, never from inside a region.
class ThreadPool {
 public:
  // The caller of Run is one of the `threads`; the pool starts the others. REQUIRES: threads >= 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Calls body(part, threads()) once for every part in [0, threads()), part 0 on the caller, and returns when
  // all are done. Parts may run one after the other: none may wait for another. What the bodies wrote is then
  // visible to the caller. A body that throws ends the process: errors of input are found before arithmetic
  // starts.
  void Run(ParallelBody body);

 private:
  // The last region in which the part was begun; its own cache line, as threads write it.
  struct alignas(64) Claim {
    std::atomic<uint32_t> epoch{0};
  };

  void Work(int thread);
  void RunUnclaimedParts(int first, uint32_t epoch);
  bool SpinUntilChanged(const std::atomic<uint32_t>& word, uint32_t old) const;

  const int threads_;
  const bool spin_;
  std::vector<Claim> claims_;  // by part
  std::vector<std::thread> workers_;

  // The body of the running region: written before epoch_ is raised, read by who has claimed a part. A worker
  // that comes late finds nothing to claim and does not touch it.
  const ParallelBody* body_ = nullptr;
  std::atomic<bool> stopping_{false};
  alignas(64) std::atomic<uint32_t> epoch_{0};     // raised once per region
  alignas(64) std::atomic<uint32_t> finished_{0};  // parts of the region that are done
};

struct Range {
  size_t begin;
  size_t end;
  size_t size() const { return end - begin; }
};

// The part of [0, n) that belongs to `thread`: contiguous, begins and ends on multiples of `granularity` (or
// at n), sizes differ by at most one granule, the same every time (so a thread finds its rows in its own
// cache and NUMA node). REQUIRES: granularity >= 1; 0 <= thread < threads.
constexpr Range StaticSplit(size_t n, int thread, int threads, size_t granularity = 1) {
  const size_t granules = (n + granularity - 1) / granularity;
  const auto t = static_cast<size_t>(thread);
  const auto of = static_cast<size_t>(threads);
  const size_t begin = granules * t / of * granularity;
  const size_t end = granules * (t + 1) / of * granularity;
  return {begin < n ? begin : n, end < n ? end : n};
}

}  // namespace puna
