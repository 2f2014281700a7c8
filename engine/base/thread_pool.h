#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace puna {

// A fixed set of threads that run one function together and meet at its end. The caller is thread 0. Between
// two runs workers spin for a few microseconds and then sleep, so a step of many short runs costs
// microseconds each and an idle program costs nothing. One thread at a time may call Run.
class ThreadPool {
 public:
  // REQUIRES: threads >= 1. Starts threads - 1 workers.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Calls body(thread) once on every thread, 0 <= thread < threads(), and returns when all have. What each
  // wrote is visible to the caller and to the next Run. The body must not throw, nor call Run.
  template <typename Body>
  void Run(Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    RunErased([](void* context, int thread) { (*static_cast<Plain*>(context))(thread); },
              const_cast<void*>(static_cast<const void*>(std::addressof(body))));
  }

 private:
  using Function = void (*)(void* context, int thread);

  void RunErased(Function function, void* context);
  void Work(int thread);

  const int threads_;
  const int spins_;              // looks at the counter before going to sleep
  Function function_ = nullptr;  // set before round_ is raised, read after
  void* context_ = nullptr;
  alignas(64) std::atomic<uint32_t> round_{0};    // raised by one for each run
  alignas(64) std::atomic<uint32_t> working_{0};  // workers that have not finished the current round
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

// Part `part` of `parts` of [0, size): contiguous, in multiples of `grain` (the last one takes the rest), the
// same every time.
struct Range {
  size_t begin;
  size_t end;
};
Range Split(size_t size, size_t grain, int part, int parts);

}  // namespace puna
