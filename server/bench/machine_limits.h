#pragma once

#include <cstddef>

#include "engine/base/aligned_buffer.h"
#include "engine/base/thread_pool.h"
#include "server/bench/step_cost.h"

namespace puna {

// What the machine gave at its best while it was asked: read bandwidth and multiply-add peak of all threads
// together.
struct MachineLimits {
  double bytes_per_second = 0;
  double flops_per_second = 0;

  // The shortest time in which a step of this cost could run.
  double Seconds(const StepCost& cost) const;
  // The larger of both, each.
  MachineLimits Or(const MachineLimits& other) const;
};

// Asks the machine with the threads and the instruction set that the model uses. Owns a buffer larger than
// caches.
class MachineProbe {
 public:
  // Throws Error if there is no memory for the buffer.
  explicit MachineProbe(ThreadPool& pool);

  // Takes some tenths of a second.
  MachineLimits Measure();

 private:
  ThreadPool& pool_;
  AlignedBuffer buffer_;
};

}  // namespace puna
