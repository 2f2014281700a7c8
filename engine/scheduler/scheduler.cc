#include "engine/scheduler/scheduler.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace puna {

Scheduler::Scheduler(const SchedulerOptions& options) : options_(options), pool_(options.num_blocks) {
  CHECK(options.max_rows >= 1 && options.block_tokens >= 1 && options.num_blocks >= 1)
      << options.max_rows << ' ' << options.block_tokens << ' ' << options.num_blocks;
}

int Scheduler::BlocksFor(int64_t tokens) const {
  return static_cast<int>((tokens + options_.block_tokens - 1) / options_.block_tokens);
}

void Scheduler::Add(SequenceId id, std::vector<int32_t> prompt) {
  CHECK(!prompt.empty() && CanEverFit(static_cast<int64_t>(prompt.size()) + 1)) << prompt.size() << " tokens";
  CHECK((running_.empty() || running_.rbegin()->first < id) &&
        (waiting_.empty() || waiting_.rbegin()->first < id))
      << id;
  Sequence sequence;
  sequence.prompt_tokens = static_cast<int>(prompt.size());
  sequence.tokens = std::move(prompt);
  waiting_.emplace(id, std::move(sequence));
}

Step Scheduler::Schedule() {
  Step step;
  ScheduleDecodes(step);
  StartWaiting();
  SchedulePrompts(step);
  return step;
}

void Scheduler::ScheduleDecodes(Step& step) {
  std::vector<SequenceId> decoding;
  for (const auto& [id, sequence] : running_) {
    if (sequence.IsDecoding()) decoding.push_back(id);
  }
  for (const SequenceId id : decoding) {
    const auto at = running_.find(id);  // an older one may have preempted it
    if (at == running_.end() || RowsLeft(step) == 0) continue;
    if (Grow(id)) AddRows(id, at->second, 1, step);
  }
}

void Scheduler::StartWaiting() {
  while (!waiting_.empty() && running() < options_.max_rows) {
    const auto oldest = waiting_.begin();
    if (!Start(oldest->second)) return;
    running_.insert(waiting_.extract(oldest));
  }
}

bool Scheduler::Start(Sequence& sequence) {
  const auto size = static_cast<int>(sequence.tokens.size());
  const int reusable = (size - 1) / options_.block_tokens;
  for (int i = 0; i < reusable; ++i) {
    const std::span<const int32_t> tokens(
        sequence.tokens.data() + static_cast<ptrdiff_t>(i) * options_.block_tokens,
        static_cast<size_t>(options_.block_tokens));
    const auto hit = prefixes_.Find(sequence.prefix, tokens);
    if (!hit) break;
    pool_.Share(hit->block);
    sequence.blocks.push_back(hit->block);
    sequence.prefix = hit->prefix;
  }
  const auto reused = static_cast<int>(sequence.blocks.size());
  if (BlocksFor(size) - reused > pool_.available()) {
    ReleaseBlocks(sequence);
    return false;
  }
  while (static_cast<int>(sequence.blocks.size()) < BlocksFor(size)) sequence.blocks.push_back(TakeBlock());
  sequence.recorded_blocks = reused;
  sequence.computed = reused * options_.block_tokens;
  if (!sequence.has_run) sequence.cached_tokens = sequence.computed;
  sequence.has_run = true;
  return true;
}

void Scheduler::SchedulePrompts(Step& step) {
  std::vector<std::pair<SequenceId, int>> reading;  // id, rows it gets
  for (const auto& [id, sequence] : running_) {
    if (!sequence.IsDecoding()) reading.emplace_back(id, 0);
  }
  int left = RowsLeft(step);
  // Equal shares, the smallest need first, so that what it leaves is shared by the others.
  std::vector<size_t> by_need(reading.size());
  for (size_t i = 0; i < by_need.size(); ++i) by_need[i] = i;
  const auto need = [&](size_t i) { return running_.at(reading[i].first).Remaining(); };
  std::stable_sort(by_need.begin(), by_need.end(), [&](size_t a, size_t b) { return need(a) < need(b); });
  for (size_t i = 0; i < by_need.size(); ++i) {
    const int share = left / static_cast<int>(by_need.size() - i);
    reading[by_need[i]].second = std::min(share, need(by_need[i]));
    left -= reading[by_need[i]].second;
  }
  for (size_t i = 0; i < reading.size(); ++i) {  // what does not divide evenly goes to the oldest
    const int more = std::min(left, need(i) - reading[i].second);
    reading[i].second += more;
    left -= more;
  }
  for (const auto& [id, rows] : reading) {
    if (rows > 0) AddRows(id, running_.at(id), rows, step);
  }
}

void Scheduler::AddRows(SequenceId id, Sequence& sequence, int rows, Step& step) {
  Batch& batch = step.batch;
  batch.sequences.push_back({static_cast<int>(batch.rows.size()), rows, sequence.blocks});
  const auto size = static_cast<int>(sequence.tokens.size());
  for (int position = sequence.computed; position < sequence.computed + rows; ++position) {
    batch.rows.push_back({sequence.tokens[static_cast<size_t>(position)], position, position + 1 == size});
  }
  step.ids.push_back(id);
  if (sequence.computed + rows == size) step.samples.push_back(id);
}

bool Scheduler::Grow(SequenceId id) {
  const Sequence& sequence = running_.at(id);
  while (static_cast<int>(sequence.blocks.size()) < BlocksFor(static_cast<int64_t>(sequence.tokens.size()))) {
    if (pool_.available() > 0) {
      running_.at(id).blocks.push_back(TakeBlock());
      continue;
    }
    const auto youngest = std::prev(running_.end());
    const bool is_itself = youngest->first == id;
    Preempt(youngest);
    if (is_itself) return false;
  }
  return true;
}

void Scheduler::Preempt(Sequences::iterator youngest) {
  ReleaseBlocks(youngest->second);
  waiting_.insert(running_.extract(youngest));
  ++preemptions_;
}

void Scheduler::Commit(const Step& step, std::span<const int32_t> tokens) {
  CHECK(tokens.size() == step.samples.size()) << tokens.size() << " of " << step.samples.size();
  for (size_t i = 0; i < step.ids.size(); ++i) {
    Sequence& sequence = running_.at(step.ids[i]);
    sequence.computed += step.batch.sequences[i].n_rows;
    RecordFullBlocks(sequence);
  }
  for (size_t i = 0; i < tokens.size(); ++i) running_.at(step.samples[i]).tokens.push_back(tokens[i]);
}

void Scheduler::RecordFullBlocks(Sequence& sequence) {
  for (; sequence.recorded_blocks < sequence.computed / options_.block_tokens; ++sequence.recorded_blocks) {
    const auto i = static_cast<size_t>(sequence.recorded_blocks);
    const auto block_tokens = static_cast<size_t>(options_.block_tokens);
    const std::span<const int32_t> tokens(sequence.tokens.data() + i * block_tokens, block_tokens);
    sequence.prefix = prefixes_.Insert(sequence.prefix, tokens, sequence.blocks[i]).prefix;
  }
}

void Scheduler::Remove(SequenceId id) {
  if (const auto at = running_.find(id); at != running_.end()) {
    ReleaseBlocks(at->second);
    running_.erase(at);
  } else {
    CHECK(waiting_.erase(id) == 1) << "sequence " << id;
  }
}

const Sequence& Scheduler::Get(SequenceId id) const {
  const auto at = running_.find(id);
  return at != running_.end() ? at->second : waiting_.at(id);
}

int32_t Scheduler::TakeBlock() {
  const BlockPool::Taken taken = pool_.Take();
  if (taken.was_cached) prefixes_.Forget(taken.block);
  return taken.block;
}

// Last blocks first: of a cached prefix the end is then taken back before the beginning, without which it
// cannot be found.
void Scheduler::ReleaseBlocks(Sequence& sequence) {
  for (auto block = sequence.blocks.rbegin(); block != sequence.blocks.rend(); ++block) {
    pool_.Release(*block, prefixes_.Holds(*block));
  }
  sequence.blocks.clear();
  sequence.computed = 0;
  sequence.recorded_blocks = 0;
  sequence.prefix = PrefixCache::kEmpty;
}

}  // namespace puna
