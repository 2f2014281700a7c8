#pragma once

#include "engine/base/thread_pool.h"
#include "engine/model/llama.h"
#include "loaders/model_dir.h"
#include "server/bench/step_cost.h"

namespace puna {

// The model alone, without scheduler, sampling and HTTP: prompts and answers of random tokens, timed.
class BenchModel {
 public:
  // `max_rows`: rows of a step; `max_positions`: of the longest sequence; `kv_blocks`: see BlocksFor. `dir`
  // and `pool` outlive it.
  BenchModel(const ModelDir& dir, ThreadPool& pool, int max_rows, int max_positions, int kv_blocks);

  // KV blocks that so many sequences of so many positions take.
  static int BlocksFor(int sequences, int positions);

  struct Run {
    double seconds = 0;
    StepCost cost;
  };

  // Computes a prompt of `tokens` tokens, in steps of max_rows rows, the last row with logits.
  Run Prefill(int tokens);
  // `steps` tokens for each of `sequences` sequences that already have `depth` positions, one step after the
  // other.
  Run Decode(int sequences, int depth, int steps);

 private:
  void FillCache(int sequences, int depth);
  BatchSequence Sequence(int first_block, int first_row, int n_rows, int end_position) const;
  Run Forward(const Batch& batch, int depth);

  const ModelDir& dir_;
  const int max_rows_;
  const int kv_blocks_;
  Llama model_;
  int filled_sequences_ = 0;
  int filled_depth_ = 0;
};

}  // namespace puna
