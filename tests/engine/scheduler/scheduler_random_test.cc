// Random arrivals, cancels, failures and pool sizes against the scheduler, with a model that remembers in
// each slot of the KV pool the whole prefix it was written for. So every step is checked to see exactly its
// own history, whatever was paged, shared, evicted, preempted and computed again before.

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "engine/scheduler/scheduler.h"

namespace puna {
namespace {

struct World {
  SchedulerOptions options;
  int arrivals;
  int arrivals_per_step;  // at most
  int percent_cancelled;  // per step, one of those here
  int per_mille_failed;   // steps
};

struct Request {
  std::vector<int32_t> history;    // prompt and answer
  std::vector<uint64_t> prefixes;  // prefixes[i]: hash of history[0 .. i]
  int length;                      // ends when the history is this long
  int next_logits;                 // position
  int64_t must_end_by;             // step
};

class Simulation {
 public:
  Simulation(const World& world, uint64_t seed)
      : world_(world),
        random_(seed),
        scheduler_(world.options),
        slots_(
            static_cast<size_t>(world.options.num_blocks) * static_cast<size_t>(world.options.block_tokens),
            0) {}

  // False after a failed expectation.
  bool Run() {
    while (arrived_ < world_.arrivals || !requests_.empty()) {
      Arrive();
      CancelSome();
      if (!Step()) return false;
      ++step_;
    }
    const SchedulerCounts counts = scheduler_.counts();
    EXPECT_EQ(counts.owned_blocks, 0);
    EXPECT_EQ(counts.running + counts.waiting, 0);
    return !::testing::Test::HasFailure();
  }

  int64_t preemptions() const { return scheduler_.counts().preemptions; }
  int64_t cached() const { return cached_; }
  int64_t copies() const { return copies_; }
  int64_t steps() const { return step_; }

 private:
  int Below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }

  void Arrive() {
    for (int n = Below(world_.arrivals_per_step + 1); n > 0 && arrived_ < world_.arrivals; --n) {
      const int most = world_.options.num_blocks * world_.options.block_tokens;
      // Mostly short, now and then up to the whole pool.
      const int reach = Below(8) == 0 ? most : std::min(most, 24);
      const int length = 1 + Below(reach);
      const int prompt = 1 + Below(length);
      Request request;
      request.length = length;
      // Few different beginnings and tokens, so that prefixes meet.
      int32_t token = Below(3);
      for (int i = 0; i < prompt; ++i) {
        Append(request, token);
        if (Below(12) == 0) token = Below(3);
      }
      request.next_logits = Below(6) == 0 ? 0 : prompt - 1;
      const SequenceId id = arrived_++;
      scheduler_.Add(id, request.history, request.next_logits);
      // While a request is the oldest it computes at least one position a step, and nothing twice.
      outstanding_ += length + 1;
      request.must_end_by = step_ + outstanding_;
      requests_.emplace(id, std::move(request));
    }
  }

  static void Append(Request& request, int32_t token) {
    const uint64_t before = request.prefixes.empty() ? 99 : request.prefixes.back();
    request.prefixes.push_back((before ^ static_cast<uint64_t>(token + 1)) * 0x9E3779B97F4A7C15u +
                               (before >> 31));
    request.history.push_back(token);
  }

  void Forget(std::map<SequenceId, Request>::iterator it) {
    outstanding_ -= it->second.length + 1;
    requests_.erase(it);
  }

  void CancelSome() {
    if (requests_.empty() || Below(100) >= world_.percent_cancelled) return;
    const auto victim = std::next(requests_.begin(), Below(static_cast<int>(requests_.size())));
    EXPECT_TRUE(scheduler_.Cancel(victim->first));
    Forget(victim);
    scheduler_.CheckInvariants();
  }

  bool Step() {
    const StepPlan& plan = scheduler_.Schedule();
    scheduler_.CheckInvariants();
    if (plan.batch.empty()) {
      EXPECT_TRUE(requests_.empty()) << "no row for " << requests_.size() << " requests";
      return requests_.empty();
    }
    if (static_cast<int>(plan.batch.rows.size()) > world_.options.max_rows) {
      ADD_FAILURE() << plan.batch.rows.size() << " rows";
      return false;
    }
    if (Below(1000) < world_.per_mille_failed) {
      std::fill(slots_.begin(), slots_.end(), 0);
      for (const SequenceId id : scheduler_.DropRunning()) Forget(requests_.find(id));
      scheduler_.CheckInvariants();
      return true;
    }
    Copy(plan.batch.copies);
    std::vector<StepOutcome> outcomes;
    int next_row = 0;
    int next_logits = 0;
    for (size_t i = 0; i < plan.sequences.size(); ++i) {
      if (!Compute(plan, i, &next_row, &next_logits)) return false;
    }
    for (const PlannedSequence& planned : plan.sequences) outcomes.push_back(Choose(planned));
    scheduler_.Commit(outcomes);
    scheduler_.CheckInvariants();
    if (!requests_.empty() && requests_.begin()->second.must_end_by < step_) {
      ADD_FAILURE() << "request " << requests_.begin()->first << " starves";
      return false;
    }
    return true;
  }

  void Copy(std::span<const BlockCopy> copies) {
    const int size = world_.options.block_tokens;
    for (const BlockCopy& copy : copies)
      std::copy_n(slots_.begin() + copy.from * size, size, slots_.begin() + copy.to * size);
    copies_ += static_cast<int64_t>(copies.size());
  }

  // Checks and writes one sequence's rows.
  bool Compute(const StepPlan& plan, size_t index, int* next_row, int* next_logits) {
    const BatchSequence& sequence = plan.batch.sequences[index];
    const PlannedSequence& planned = plan.sequences[index];
    Request& request = requests_.at(planned.id);
    const int first = plan.batch.rows[static_cast<size_t>(sequence.first_row)].position;
    bool right =
        sequence.first_row == *next_row && sequence.n_rows > 0 && planned.first_logits == *next_logits;
    for (int position = 0; position < first; ++position) {
      right = right && Slot(sequence, position) == request.prefixes[static_cast<size_t>(position)];
    }
    for (int i = 0; i < sequence.n_rows; ++i) {
      const BatchRow& row = plan.batch.rows[static_cast<size_t>(sequence.first_row + i)];
      const auto at = static_cast<size_t>(first + i);
      right = right && row.position == first + i && at < request.history.size() &&
              row.token == request.history[at] && row.wants_logits == (row.position >= request.next_logits);
      if (!right) break;
      Slot(sequence, row.position) = request.prefixes[at];
    }
    const int end = first + sequence.n_rows;
    right = right && planned.n_logits == std::max(0, end - request.next_logits) &&
            (planned.n_logits == 0 || planned.first_position == request.next_logits) &&
            planned.chooses == (end == static_cast<int>(request.history.size()));
    request.next_logits = std::max(request.next_logits, end);
    *next_row += sequence.n_rows;
    *next_logits += planned.n_logits;
    EXPECT_TRUE(right) << "sequence " << planned.id << " at step " << step_;
    return right;
  }

  StepOutcome Choose(const PlannedSequence& planned) {
    if (!planned.chooses) return {};
    const auto it = requests_.find(planned.id);
    EXPECT_GE(it->second.must_end_by, step_) << "request " << it->first << " starved";
    if (static_cast<int>(it->second.history.size()) == it->second.length) {
      cached_ += planned.cached_tokens;
      Forget(it);
      return {-1, /*finished=*/true};
    }
    const int32_t token = Below(3);
    Append(it->second, token);
    return {token, /*finished=*/false};
  }

  uint64_t& Slot(const BatchSequence& sequence, int position) {
    const int size = world_.options.block_tokens;
    const int32_t block = sequence.block_table.at(static_cast<size_t>(position / size));
    return slots_.at(static_cast<size_t>(block * size + position % size));
  }

  const World world_;
  std::mt19937_64 random_;
  Scheduler scheduler_;
  std::vector<uint64_t> slots_;
  std::map<SequenceId, Request> requests_;  // by age
  int arrived_ = 0;
  int64_t step_ = 0;
  int64_t outstanding_ = 0;  // steps that all requests here may take, one after the other
  int64_t cached_ = 0;
  int64_t copies_ = 0;  // of blocks
};

World RandomWorld(std::mt19937_64& random, int arrivals) {
  const auto between = [&](int low, int high) {
    return low + static_cast<int>(random() % static_cast<uint64_t>(high - low + 1));
  };
  World world;
  world.options.max_rows = between(1, 24);
  world.options.max_running = between(1, world.options.max_rows);
  world.options.block_tokens = between(1, 6);
  world.options.num_blocks = between(1, 40);
  world.options.prefix_cache = between(0, 4) > 0;
  world.arrivals = arrivals;
  world.arrivals_per_step = between(1, 3);
  world.percent_cancelled = between(0, 1) * between(0, 60);
  world.per_mille_failed = between(0, 3) == 0 ? 5 : 0;
  return world;
}

TEST(SchedulerRandomTest, EveryStepSeesItsOwnHistoryAndEveryRequestEnds) {
  constexpr int kWorlds = 600;
  constexpr int kArrivals = 500;
  int64_t preemptions = 0;
  int64_t cached = 0;
  int64_t copies = 0;
  int64_t steps = 0;
  for (uint64_t seed = 0; seed < kWorlds; ++seed) {
    std::mt19937_64 random(seed);
    const World world = RandomWorld(random, kArrivals);
    Simulation simulation(world, random());
    ASSERT_TRUE(simulation.Run()) << "seed " << seed;
    preemptions += simulation.preemptions();
    cached += simulation.cached();
    copies += simulation.copies();
    steps += simulation.steps();
  }
  // The paths that matter were taken.
  EXPECT_GT(preemptions, kWorlds);
  EXPECT_GT(cached, kWorlds);
  EXPECT_GT(copies, kWorlds);
  RecordProperty("steps", std::to_string(steps));
  RecordProperty("preemptions", std::to_string(preemptions));
}

}  // namespace
}  // namespace puna
