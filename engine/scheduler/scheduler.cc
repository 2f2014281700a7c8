#include "engine/scheduler/scheduler.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "engine/base/check.h"
#include "engine/scheduler/row_shares.h"

namespace puna {
namespace {

// Sequences are in order of age, so in order of id.
std::deque<Sequence>::iterator FindSequence(std::deque<Sequence>& sequences, SequenceId id) {
  const auto found = std::ranges::lower_bound(sequences, id, {}, &Sequence::id);
  return found != sequences.end() && found->id == id ? found : sequences.end();
}

}  // namespace

Scheduler::Scheduler(const SchedulerOptions& options)
    : options_(options), pool_(options.num_blocks), cache_(pool_) {
  CHECK(options.max_rows >= 1 && options.block_tokens >= 1)
      << "max_rows " << options.max_rows << ", block_tokens " << options.block_tokens;
  CHECK(options.max_running >= 1 && options.max_running <= options.max_rows)
      << "max_running " << options.max_running << ", max_rows " << options.max_rows;
}

int64_t Scheduler::BlocksFor(int64_t tokens) const {
  return (tokens + options_.block_tokens - 1) / options_.block_tokens;
}

void Scheduler::Add(SequenceId id, std::vector<int32_t> tokens, int wants_logits_from, bool wants_hidden) {
  const auto size = static_cast<int64_t>(tokens.size());
  CHECK(id > last_id_) << "id " << id << " after " << last_id_;
  CHECK(size > 0 && Fits(size)) << size << " tokens, " << options_.num_blocks << " blocks";
  CHECK(wants_logits_from >= 0 && wants_logits_from < size) << wants_logits_from << " of " << size;
  last_id_ = id;
  Sequence& sequence = waiting_.emplace_back();
  sequence.id = id;
  sequence.tokens = std::move(tokens);
  sequence.wants_logits_from = wants_logits_from;
  sequence.wants_hidden = wants_hidden;
}

bool Scheduler::Cancel(SequenceId id) {
  CHECK(!planned_) << "cancelling " << id << " within a step";
  if (const auto running = FindSequence(running_, id); running != running_.end()) {
    ReleaseBlocks(*running);
    running_.erase(running);
    return true;
  }
  const auto waiting = FindSequence(waiting_, id);
  if (waiting == waiting_.end()) return false;
  waiting_.erase(waiting);
  return true;
}

const StepPlan& Scheduler::Schedule() {
  CHECK(!planned_) << "the last step was not committed";
  plan_.batch.copies.clear();
  plan_.batch.rows.clear();
  plan_.batch.sequences.clear();
  plan_.sequences.clear();
  for (Sequence& sequence : running_) TakeCachedPrefix(sequence);
  JoinWaiting();
  for (Sequence& sequence : running_) CopyBegunBlock(sequence);

  const std::vector<int> draft = DraftRows();
  int logits = 0;
  int hidden = 0;
  // Oldest first; preemption takes from the other end, so running_ may become shorter on the way.
  for (size_t i = 0; i < running_.size(); ++i) {
    if (draft[i] == 0) continue;
    const int rows = TakeBlocks(i, draft[i]);
    if (rows > 0) PlanRows(running_[i], rows, running_[i].wants_hidden ? &hidden : &logits);
  }
  planned_ = !plan_.batch.empty();
  CHECK(planned_ || running_.empty()) << running_.size() << " sequences run, none has a row";
  return plan_;
}

std::span<const int32_t> Scheduler::BlockTokens(const Sequence& sequence, int block) const {
  const auto size = static_cast<size_t>(options_.block_tokens);
  const std::span<const int32_t> from = std::span(sequence.tokens).subspan(static_cast<size_t>(block) * size);
  return from.first(std::min(size, from.size()));
}

// The sequence stands at a block boundary, and needs nothing of the next block but its keys and values.
bool Scheduler::NextBlockMayBeCached(const Sequence& sequence) const {
  return options_.prefix_cache && sequence.computed % options_.block_tokens == 0 &&
         sequence.computed + options_.block_tokens <= sequence.wants_logits_from;
}

// The same of a part of the next block.
bool Scheduler::NextBlockMayBeCopied(const Sequence& sequence) const {
  return options_.prefix_cache && sequence.computed % options_.block_tokens == 0 &&
         sequence.computed < sequence.wants_logits_from;
}

void Scheduler::TakeCachedPrefix(Sequence& sequence) {
  while (NextBlockMayBeCached(sequence)) {
    const PrefixCache::Link before = sequence.prefix();
    const int block = sequence.computed / options_.block_tokens;
    const auto hit = cache_.Find(before, BlockTokens(sequence, block));
    if (!hit) return;
    cache_.Share(hit->block);
    sequence.blocks.push_back(hit->block);
    sequence.links.push_back(hit->link);
    SkipTo(sequence, sequence.computed + options_.block_tokens);
  }
}

// Positions before `computed` are there without being computed.
void Scheduler::SkipTo(Sequence& sequence, int computed) {
  sequence.cached_tokens += std::max(0, computed - std::max(sequence.computed, sequence.ever_computed));
  sequence.computed = computed;
  sequence.ever_computed = std::max(sequence.ever_computed, computed);
}

void Scheduler::CopyBegunBlock(Sequence& sequence) {
  if (!NextBlockMayBeCopied(sequence)) return;
  const PrefixCache::Link before = sequence.prefix();
  const auto wanted = static_cast<size_t>(sequence.wants_logits_from - sequence.computed);
  std::span<const int32_t> tokens = BlockTokens(sequence, static_cast<int>(sequence.links.size()));
  tokens = tokens.first(std::min(tokens.size(), wanted));
  PrefixCache::Beginning best = cache_.FindBeginning(before, tokens).value_or(PrefixCache::Beginning{-1, 0});
  for (const Sequence& other : running_) {
    const int shared = SharedPositions(sequence, tokens, other);
    if (shared > best.positions) best = {other.blocks[sequence.blocks.size()], shared};
  }
  if (best.positions == 0) return;
  // Held meanwhile, so that it is not the one that makes room.
  cache_.Share(best.block);
  const std::optional<int32_t> block = TakeUnownedBlock();
  cache_.Drop(best.block);
  if (!block) return;
  plan_.batch.copies.push_back({best.block, *block});
  sequence.blocks.push_back(*block);
  SkipTo(sequence, sequence.computed + best.positions);
}

// How many of `tokens`, those at the beginning of `sequence`'s next block, `other` has computed in the same
// place.
int Scheduler::SharedPositions(const Sequence& sequence, std::span<const int32_t> tokens,
                               const Sequence& other) const {
  const size_t block = sequence.links.size();
  if (&other == &sequence || other.blocks.size() <= block) return 0;
  if (block > 0 && (other.links.size() < block || other.links[block - 1] != sequence.links[block - 1]))
    return 0;
  const auto computed = static_cast<size_t>(other.computed - sequence.computed);
  const auto theirs = BlockTokens(other, static_cast<int>(block));
  return static_cast<int>(std::ranges::mismatch(tokens, theirs.first(std::min(theirs.size(), computed))).in1 -
                          tokens.begin());
}

void Scheduler::JoinWaiting() {
  while (!waiting_.empty() && static_cast<int>(running_.size()) < options_.max_running &&
         MayJoin(waiting_.front())) {
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    TakeCachedPrefix(running_.back());
  }
}

bool Scheduler::MayJoin(const Sequence& sequence) const {
  if (running_.empty()) return true;
  int available = pool_.num_free() + pool_.num_cached();
  for (const Sequence& running : running_) {
    available -=
        Blocks(static_cast<int64_t>(running.tokens.size())) - static_cast<int>(running.blocks.size());
  }
  // Blocks of its prefix that are in the cache need no new one, but those that nobody owns were counted
  // above.
  int needed = Blocks(static_cast<int64_t>(sequence.tokens.size()));
  PrefixCache::Link before = PrefixCache::kRoot;
  const int cacheable = options_.prefix_cache ? sequence.wants_logits_from / options_.block_tokens : 0;
  for (int block = 0; block < cacheable; ++block) {
    const auto hit = cache_.Find(before, BlockTokens(sequence, block));
    if (!hit) break;
    before = hit->link;
    if (pool_.references(hit->block) > 0) --needed;
  }
  return available >= needed + static_cast<int>(running_.size());
}

// Rows for each running sequence, before blocks are asked for.
std::vector<int> Scheduler::DraftRows() const {
  std::vector<int> rows(running_.size(), 0);
  std::vector<size_t> prompts;
  std::vector<int> remaining;
  int left = options_.max_rows;
  for (size_t i = 0; i < running_.size(); ++i) {
    if (running_[i].uncomputed() == 1) {
      rows[i] = 1;
      --left;
    } else {
      prompts.push_back(i);
      remaining.push_back(running_[i].uncomputed());
    }
  }
  // The first block that each prompt with rows works on in this step. Two of equal hash are taken for equal:
  // if they are not, one waits a step for nothing.
  std::unordered_set<uint64_t> in_work;
  const auto takes = [&](size_t prompt) {
    const Sequence& sequence = running_[prompts[prompt]];
    const int block = sequence.computed / options_.block_tokens;
    const PrefixCache::Link before = sequence.prefix();
    const bool is_first = in_work.insert(HashTokens(before, BlockTokens(sequence, block))).second;
    return is_first || !NextBlockMayBeCopied(sequence);
  };
  const std::vector<int> shares = ShareRows(remaining, left, takes);
  for (size_t i = 0; i < prompts.size(); ++i) rows[prompts[i]] = shares[i];
  return rows;
}

// Takes the blocks for the next `rows` rows of running_[index]. Returns for how many rows there are blocks.
int Scheduler::TakeBlocks(size_t index, int rows) {
  Sequence& sequence = running_[index];
  const auto wanted = static_cast<size_t>(Blocks(sequence.computed + rows));
  const auto room = [&] {
    return static_cast<int>(sequence.blocks.size()) * options_.block_tokens - sequence.computed;
  };
  while (sequence.blocks.size() < wanted) {
    if (!TakeBlock(index, /*may_preempt=*/room() == 0)) break;
  }
  return std::min(rows, room());
}

bool Scheduler::TakeBlock(size_t index, bool may_preempt) {
  for (;;) {
    if (const std::optional<int32_t> block = TakeUnownedBlock()) {
      running_[index].blocks.push_back(*block);
      return true;
    }
    if (!may_preempt || index + 1 == running_.size()) return false;
    PreemptYoungest();
  }
}

std::optional<int32_t> Scheduler::TakeUnownedBlock() {
  std::optional<int32_t> block = pool_.Take();
  if (!block && cache_.EvictOne()) block = pool_.Take();
  return block;
}

void Scheduler::PreemptYoungest() {
  Sequence& youngest = running_.back();
  ReleaseBlocks(youngest);
  youngest.computed = 0;
  waiting_.push_front(std::move(youngest));
  running_.pop_back();
  ++preemptions_;
}

// `outputs`: rows planned so far that want what this sequence's rows want.
void Scheduler::PlanRows(const Sequence& sequence, int rows, int* outputs) {
  Batch& batch = plan_.batch;
  batch.sequences.push_back({static_cast<int>(batch.rows.size()), rows, sequence.blocks});
  const int first_output = *outputs;
  for (int position = sequence.computed; position < sequence.computed + rows; ++position) {
    const bool wants = position >= sequence.wants_logits_from;
    batch.rows.push_back({sequence.tokens[static_cast<size_t>(position)], position,
                          wants && !sequence.wants_hidden, wants && sequence.wants_hidden});
    if (wants) ++*outputs;
  }
  const int n_outputs = *outputs - first_output;
  plan_.sequences.push_back({sequence.id, first_output, n_outputs, sequence.wants_hidden,
                             sequence.computed + rows - n_outputs,
                             /*chooses=*/rows == sequence.uncomputed(), sequence.cached_tokens});
}

void Scheduler::Commit(std::span<const StepOutcome> outcomes) {
  CHECK(planned_ && outcomes.size() == plan_.sequences.size())
      << outcomes.size() << " outcomes, " << plan_.sequences.size() << " sequences";
  planned_ = false;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const PlannedSequence& planned = plan_.sequences[i];
    const auto running = FindSequence(running_, planned.id);
    CHECK(running != running_.end()) << "sequence " << planned.id << " left within the step";
    CommitRows(*running, plan_.batch.sequences[i].n_rows);
    if (outcomes[i].finished) {
      ReleaseBlocks(*running);
      running_.erase(running);
      continue;
    }
    CHECK(planned.chooses == (outcomes[i].token >= 0))
        << "sequence " << planned.id << ": token " << outcomes[i].token;
    if (!planned.chooses) continue;
    running->tokens.push_back(outcomes[i].token);
    CHECK(Fits(static_cast<int64_t>(running->tokens.size())))
        << "sequence " << planned.id << " outgrew the pool";
  }
}

void Scheduler::CommitRows(Sequence& sequence, int rows) {
  sequence.computed += rows;
  sequence.ever_computed = std::max(sequence.ever_computed, sequence.computed);
  sequence.wants_logits_from = std::max(sequence.wants_logits_from, sequence.computed);
  if (!options_.prefix_cache) return;
  const int full = sequence.computed / options_.block_tokens;
  for (int block = static_cast<int>(sequence.links.size()); block < full; ++block) KeepBlock(sequence, block);
}

// The block just became full. If the cache has the same content already, that block takes its place.
void Scheduler::KeepBlock(Sequence& sequence, int block) {
  const PrefixCache::Link before = sequence.prefix();
  const std::span<const int32_t> tokens = BlockTokens(sequence, block);
  int32_t& own = sequence.blocks[static_cast<size_t>(block)];
  if (const auto hit = cache_.Find(before, tokens)) {
    cache_.Share(hit->block);
    cache_.Drop(own);
    own = hit->block;
    sequence.links.push_back(hit->link);
  } else {
    sequence.links.push_back(cache_.Insert(before, tokens, own));
  }
}

// The last block, if it is not full, which nobody writes any more.
void Scheduler::KeepBeginning(const Sequence& sequence) {
  const size_t full = sequence.links.size();
  const int positions = sequence.computed % options_.block_tokens;
  if (!options_.prefix_cache || positions == 0) return;
  const PrefixCache::Link before = sequence.prefix();
  const auto tokens = BlockTokens(sequence, static_cast<int>(full)).first(static_cast<size_t>(positions));
  const auto known = cache_.FindBeginning(before, tokens);
  if (!known || known->positions < positions) cache_.Insert(before, tokens, sequence.blocks[full]);
}

// Last block first: see PrefixCache.
void Scheduler::ReleaseBlocks(Sequence& sequence) {
  KeepBeginning(sequence);
  for (size_t block = sequence.blocks.size(); block > 0; --block) cache_.Drop(sequence.blocks[block - 1]);
  sequence.blocks.clear();
  sequence.links.clear();
}

std::vector<SequenceId> Scheduler::DropRunning() {
  planned_ = false;
  std::vector<SequenceId> dropped;
  for (Sequence& sequence : running_) {
    ReleaseBlocks(sequence);
    dropped.push_back(sequence.id);
  }
  running_.clear();
  cache_.Clear();
  return dropped;
}

SchedulerCounts Scheduler::counts() const {
  return {static_cast<int>(running_.size()),
          static_cast<int>(waiting_.size()),
          pool_.num_free(),
          pool_.num_owned(),
          pool_.num_cached(),
          preemptions_};
}

void Scheduler::CheckInvariants() const {
  CHECK(pool_.num_free() + pool_.num_owned() + pool_.num_cached() == pool_.num_blocks())
      << pool_.num_free() << " + " << pool_.num_owned() << " + " << pool_.num_cached();
  std::vector<int> references(static_cast<size_t>(pool_.num_blocks()), 0);
  SequenceId last = -1;
  for (const Sequence& sequence : running_) {
    CHECK(sequence.id > last) << sequence.id << " after " << last;
    last = sequence.id;
    CHECK(sequence.computed >= 0 && sequence.uncomputed() >= 1) << "sequence " << sequence.id;
    const bool inside_a_step = planned_;
    CHECK(inside_a_step || static_cast<int>(sequence.blocks.size()) == Blocks(sequence.computed))
        << "sequence " << sequence.id << ": " << sequence.blocks.size() << " blocks, " << sequence.computed;
    const auto full = static_cast<size_t>(sequence.computed / options_.block_tokens);
    CHECK(sequence.links.size() == (options_.prefix_cache ? full : 0)) << "sequence " << sequence.id;
    for (size_t i = 0; i < sequence.blocks.size(); ++i) {
      ++references[static_cast<size_t>(sequence.blocks[i])];
      CHECK(i < full || pool_.references(sequence.blocks[i]) == 1)
          << "sequence " << sequence.id << " shares block " << sequence.blocks[i] << ", which it writes";
    }
  }
  for (const Sequence& sequence : waiting_) {
    CHECK(sequence.id > last) << sequence.id << " after " << last;
    last = sequence.id;
    CHECK(sequence.blocks.empty() && sequence.computed == 0) << "sequence " << sequence.id;
  }
  for (int32_t block = 0; block < pool_.num_blocks(); ++block) {
    CHECK(references[static_cast<size_t>(block)] == pool_.references(block)) << "block " << block;
  }
}

}  // namespace puna
