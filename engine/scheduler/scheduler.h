#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "engine/model/batch.h"
#include "engine/scheduler/block_pool.h"
#include "engine/scheduler/prefix_cache.h"
#include "engine/scheduler/sequence.h"

namespace puna {

struct SchedulerOptions {
  int max_rows = 128;     // rows per step, over all sequences
  int max_running = 128;  // sequences that hold blocks; at most max_rows, so that every decode has its row
  int num_blocks = 0;     // KV blocks in the model's pool
  int block_tokens = 32;  // positions per block
  bool prefix_cache = true;
};

// One sequence's part of a step. Entry i belongs to batch.sequences[i].
struct PlannedSequence {
  SequenceId id;
  int first_logits;    // the first of its rows in the model's logits; they are consecutive
  int n_logits;        // its last n_logits rows want logits
  bool hidden;         // what is said of logits here is meant of hidden states
  int first_position;  // of the first row that wants logits
  bool chooses;        // its last row is its last token: the logits there choose the next one
  int cached_tokens;   // of its prompt, found in the prefix cache so far
};

struct StepPlan {
  Batch batch;
  std::vector<PlannedSequence> sequences;
};

// What the step's logits said about one planned sequence.
struct StepOutcome {
  int32_t token = -1;     // appended to the sequence; -1: nothing to append (a prompt's chunk, or the end)
  bool finished = false;  // the sequence leaves; its blocks may stay in the prefix cache
};

struct SchedulerCounts {
  int running = 0;  // hold blocks
  int waiting = 0;
  int free_blocks = 0;
  int owned_blocks = 0;
  int cached_blocks = 0;
  int64_t preemptions = 0;  // since the start
};

// Decides what each step computes: continuous batching over a paged KV pool. Pure policy: no thread, clock,
// lock or model. Used by one thread, in rounds of Add and Cancel at will, then Schedule, then Commit.
//
// Sequences are ordered by age (the order of Add) and never overtake each other into the pool. Running ones
// hold blocks, waiting ones hold none, and every running one is older than every waiting one.
//
//   Rows     Sequences with one token to compute (decodes) get a row each, first. What is left of max_rows is
//            shared among prompts in chunks as ShareRows says.
//   Joining  The oldest waiting sequence joins once the blocks for its tokens are there, beside those
//            promised to prompts that are still being computed and one more for each that runs.
//   Blocks   Taken as rows need them: free ones, then cached ones (least recently used first), then the
//            youngest running sequence's: it is preempted, and waits to be computed again with what it has
//            generated. A prompt rather takes fewer rows than somebody's blocks, and the youngest itself
//            rather pauses.
//   Prefix   At each block boundary a prompt takes the cached block of the same tokens after the same prefix,
//            if there is one; else the beginning of one, of a running sequence or of one that left, as a
//            copy, to go on writing there. If another sequence computes that very block in this step, it
//            waits for it. So equal prompts that arrive together, and the choices of one request, are
//            computed once, but for the last token of each, whose logits everybody needs.
//
// Every sequence ends: the oldest one always gets at least one row, can take everybody's blocks, and fits
// alone.
class Scheduler {
 public:
  explicit Scheduler(const SchedulerOptions& options);

  // Whether a sequence of `tokens` positions fits the pool if it is alone there.
  bool Fits(int64_t tokens) const { return BlocksFor(tokens) <= options_.num_blocks; }
  int64_t BlocksFor(int64_t tokens) const;

  // Joins the end of the queue. `wants_logits_from`: rows at this position and after it want logits.
  // REQUIRES: the id is new and larger than those before; tokens is not empty and Fits; it never grows beyond
  // what Fits; 0 <= wants_logits_from < tokens.size(). With `wants_hidden` those rows want hidden states
  // instead, and the sequence finishes once its last row is computed.
  void Add(SequenceId id, std::vector<int32_t> tokens, int wants_logits_from, bool wants_hidden = false);

  // The sequence leaves at once. False if it is not here (any more). REQUIRES: no step is planned.
  bool Cancel(SequenceId id);

  // Plans the next step; the plan stays valid until Commit. Empty only if there is nothing to do.
  const StepPlan& Schedule();

  // The planned rows were computed: outcomes[i] belongs to plan.sequences[i]. Those that choose either append
  // a token or finish.
  void Commit(std::span<const StepOutcome> outcomes);

  // After a step that failed: running sequences leave, the prefix cache is emptied, waiting ones stay.
  // Returns who left.
  std::vector<SequenceId> DropRunning();

  SchedulerCounts counts() const;

  // For tests: the invariants of this class, its sequences and the pool, checked with CHECK.
  void CheckInvariants() const;

 private:
  int Blocks(int64_t tokens) const { return static_cast<int>(BlocksFor(tokens)); }
  // Those of a block, which may not be full.
  std::span<const int32_t> BlockTokens(const Sequence& sequence, int block) const;
  bool NextBlockMayBeCached(const Sequence& sequence) const;
  bool NextBlockMayBeCopied(const Sequence& sequence) const;
  void TakeCachedPrefix(Sequence& sequence);
  void CopyBegunBlock(Sequence& sequence);
  int SharedPositions(const Sequence& sequence, std::span<const int32_t> tokens, const Sequence& other) const;
  void SkipTo(Sequence& sequence, int computed);
  void JoinWaiting();
  bool MayJoin(const Sequence& sequence) const;

  std::vector<int> DraftRows() const;
  int TakeBlocks(size_t index, int rows);
  bool TakeBlock(size_t index, bool may_preempt);
  std::optional<int32_t> TakeUnownedBlock();
  void PreemptYoungest();
  void PlanRows(const Sequence& sequence, int rows, int* outputs);

  void CommitRows(Sequence& sequence, int rows);
  void KeepBlock(Sequence& sequence, int block);
  void KeepBeginning(const Sequence& sequence);
  void ReleaseBlocks(Sequence& sequence);

  const SchedulerOptions options_;
  BlockPool pool_;
  PrefixCache cache_;
  std::deque<Sequence> running_;  // oldest first
  std::deque<Sequence> waiting_;  // oldest first
  StepPlan plan_;
  bool planned_ = false;
  SequenceId last_id_ = -1;
  int64_t preemptions_ = 0;
};

}  // namespace puna
