#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "engine/model/batch.h"
#include "engine/scheduler/block_pool.h"
#include "engine/scheduler/prefix_cache.h"
#include "engine/scheduler/sequence.h"

namespace puna {

struct SchedulerOptions {
  int max_rows = 128;     // rows of one step; also the most sequences that run at once
  int num_blocks = 0;     // KV blocks in the pool
  int block_tokens = 32;  // positions in one
};

// One forward step and what it is for. `batch.sequences[i]` belongs to `ids[i]`; `samples` are the sequences
// whose next token the step's logits give, in the order of the rows that want logits.
struct Step {
  Batch batch;
  std::vector<SequenceId> ids;
  std::vector<SequenceId> samples;
};

// Continuous batching over a paged KV cache. Pure policy: no thread, clock, lock or model.
//
// A step serves, within its budget of rows:
//   1. one row of every decoding sequence, oldest first;
//   2. chunks of the prompts that are being read: equal shares, what a short one leaves goes to the oldest,
//   so that no prompt waits for
//      the end of a longer one;
//   3. waiting sequences in order of arrival, as long as there are rows and the blocks of their whole prompt.
// A sequence takes blocks for its prompt when it starts and then one at a time. When the pool is dry the
// youngest running sequence is preempted: its blocks are released, it waits again in its old place, and is
// computed anew (the same bits) when there is room. Full blocks are remembered by the prefix cache and reused
// by later prompts that begin with the same tokens; the last token of a prompt is always computed, since its
// logits are needed.
class Scheduler {
 public:
  explicit Scheduler(const SchedulerOptions& options);

  // Blocks a sequence of so many tokens needs; whether the pool could ever hold it.
  int BlocksFor(int64_t tokens) const;
  bool CanEverFit(int64_t tokens) const { return BlocksFor(tokens) <= pool_.total(); }

  // A new sequence, waiting. REQUIRES: id is higher than all before; prompt is not empty and CanEverFit(its
  // size + 1).
  void Add(SequenceId id, std::vector<int32_t> prompt);

  // The next step; empty if nothing can run. Each non-empty one is answered by one Commit.
  Step Schedule();

  // The step has been computed: `tokens[i]` was chosen for `step.samples[i]` and becomes part of it.
  void Commit(const Step& step, std::span<const int32_t> tokens);

  // The sequence ends, for whatever reason, in whatever state. Not between Schedule and Commit.
  void Remove(SequenceId id);

  bool empty() const { return running_.empty() && waiting_.empty(); }
  int running() const { return static_cast<int>(running_.size()); }
  int waiting() const { return static_cast<int>(waiting_.size()); }
  int64_t preemptions() const { return preemptions_; }
  const BlockPool& pool() const { return pool_; }
  // REQUIRES: the sequence has not been removed.
  const Sequence& Get(SequenceId id) const;

 private:
  using Sequences = std::map<SequenceId, Sequence>;

  void ScheduleDecodes(Step& step);
  void SchedulePrompts(Step& step);
  void StartWaiting();
  bool Start(Sequence& sequence);
  // Room for one more position of a decoding sequence; may preempt, even the sequence itself (then false).
  bool Grow(SequenceId id);
  void Preempt(Sequences::iterator youngest);
  void AddRows(SequenceId id, Sequence& sequence, int rows, Step& step);
  void RecordFullBlocks(Sequence& sequence);
  int32_t TakeBlock();
  void ReleaseBlocks(Sequence& sequence);
  int RowsLeft(const Step& step) const {
    return options_.max_rows - static_cast<int>(step.batch.rows.size());
  }

  const SchedulerOptions options_;
  BlockPool pool_;
  PrefixCache prefixes_;
  Sequences running_;
  Sequences waiting_;
  int64_t preemptions_ = 0;
};

}  // namespace puna
