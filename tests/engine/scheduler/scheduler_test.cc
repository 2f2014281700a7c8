#include "engine/scheduler/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace puna {
namespace {

using ::testing::ElementsAre;

constexpr int32_t kAnswer = 7;  // every chosen token

std::vector<int32_t> Tokens(int n, int32_t first = 1000) {
  std::vector<int32_t> tokens(static_cast<size_t>(n));
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

void Add(Scheduler& scheduler, SequenceId id, std::vector<int32_t> tokens) {
  const int last = static_cast<int>(tokens.size()) - 1;
  scheduler.Add(id, std::move(tokens), last);
}

// Rows of sequence `id` in the step, 0 if it has none.
int RowsOf(const StepPlan& plan, SequenceId id) {
  for (size_t i = 0; i < plan.sequences.size(); ++i) {
    if (plan.sequences[i].id == id) return plan.batch.sequences[i].n_rows;
  }
  return 0;
}

const PlannedSequence& Planned(const StepPlan& plan, SequenceId id) {
  return *std::ranges::find(plan.sequences, id, &PlannedSequence::id);
}

// Everything that chooses goes on with kAnswer; `ending` ends instead.
void Commit(Scheduler& scheduler, const StepPlan& plan, SequenceId ending = -1) {
  std::vector<StepOutcome> outcomes;
  for (const PlannedSequence& planned : plan.sequences) {
    const bool ends = planned.chooses && planned.id == ending;
    outcomes.push_back({planned.chooses && !ends ? kAnswer : -1, ends});
  }
  scheduler.Commit(outcomes);
  scheduler.CheckInvariants();
}

StepPlan RunStep(Scheduler& scheduler, SequenceId ending = -1) {
  const StepPlan plan = scheduler.Schedule();
  scheduler.CheckInvariants();
  Commit(scheduler, plan, ending);
  return plan;
}

Scheduler Make(int max_rows, int num_blocks, int block_tokens) {
  return Scheduler({.max_rows = max_rows,
                    .max_running = max_rows,
                    .num_blocks = num_blocks,
                    .block_tokens = block_tokens,
                    .prefix_cache = true});
}

TEST(SchedulerTest, NothingToDoIsAnEmptyPlan) {
  Scheduler scheduler = Make(8, 4, 4);
  EXPECT_TRUE(scheduler.Schedule().batch.empty());
}

TEST(SchedulerTest, PromptThatCanNeverFitIsKnownAtOnce) {
  const Scheduler scheduler = Make(8, 4, 4);
  EXPECT_TRUE(scheduler.Fits(16));
  EXPECT_FALSE(scheduler.Fits(17));
  EXPECT_EQ(scheduler.BlocksFor(17), 5);
}

TEST(SchedulerTest, PromptIsComputedInChunksAndOnlyItsLastRowWantsLogits) {
  Scheduler scheduler = Make(4, 8, 4);
  Add(scheduler, 0, Tokens(6));
  const StepPlan first = RunStep(scheduler);
  ASSERT_EQ(first.batch.rows.size(), 4u);
  EXPECT_FALSE(first.sequences[0].chooses);
  EXPECT_TRUE(std::ranges::none_of(first.batch.rows, &BatchRow::wants_logits));
  const StepPlan second = RunStep(scheduler);
  ASSERT_EQ(second.batch.rows.size(), 2u);
  EXPECT_TRUE(second.sequences[0].chooses);
  EXPECT_EQ(second.batch.rows[0].position, 4);
  EXPECT_FALSE(second.batch.rows[0].wants_logits);
  EXPECT_TRUE(second.batch.rows[1].wants_logits);
  const StepPlan third = RunStep(scheduler);
  ASSERT_EQ(third.batch.rows.size(), 1u);
  EXPECT_EQ(third.batch.rows[0].token, kAnswer);
  EXPECT_EQ(third.batch.rows[0].position, 6);
}

TEST(SchedulerTest, LongPromptIsChunkedSoRunningSequencesStillDecode) {
  Scheduler scheduler = Make(8, 64, 4);
  Add(scheduler, 0, Tokens(2));
  Add(scheduler, 1, Tokens(2, 2000));
  RunStep(scheduler);
  Add(scheduler, 2, Tokens(100, 3000));
  for (int step = 0; step < 10; ++step) {
    const StepPlan plan = RunStep(scheduler);
    EXPECT_EQ(RowsOf(plan, 0), 1);
    EXPECT_EQ(RowsOf(plan, 1), 1);
    EXPECT_EQ(RowsOf(plan, 2), 6);
  }
}

TEST(SchedulerTest, SmallPromptDoesNotWaitForAHugeOne) {
  Scheduler scheduler = Make(8, 512, 4);
  Add(scheduler, 0, Tokens(1000));
  RunStep(scheduler);
  Add(scheduler, 1, Tokens(4, 5000));
  const StepPlan plan = RunStep(scheduler);
  EXPECT_TRUE(Planned(plan, 1).chooses);
  EXPECT_EQ(RowsOf(plan, 0), 4);
}

TEST(SchedulerTest, HugePromptAdvancesHoweverManySmallOnesCome) {
  Scheduler scheduler = Make(8, 512, 4);
  Add(scheduler, 0, Tokens(200));
  for (SequenceId id = 1; id <= 50; ++id) {
    Add(scheduler, id, Tokens(4, static_cast<int32_t>(2000 * id)));
    const StepPlan plan = scheduler.Schedule();
    EXPECT_GE(RowsOf(plan, 0), 4);
    Commit(scheduler, plan, id);
    if (Planned(plan, 0).chooses) return;  // computed
  }
  FAIL() << "200 tokens took more than 50 steps of at least 4 rows";
}

TEST(SchedulerTest, NextTurnComputesOnlyWhatIsNew) {
  Scheduler scheduler = Make(32, 16, 4);
  std::vector<int32_t> conversation = Tokens(10);
  Add(scheduler, 0, conversation);
  RunStep(scheduler);
  RunStep(scheduler);
  RunStep(scheduler, /*ending=*/0);  // positions 0 to 11 are computed: 3 full blocks
  EXPECT_EQ(scheduler.counts().cached_blocks, 3);
  EXPECT_EQ(scheduler.counts().owned_blocks, 0);

  conversation.insert(conversation.end(), {kAnswer, kAnswer, 1, 2, 3});
  Add(scheduler, 1, conversation);
  const StepPlan plan = RunStep(scheduler);
  EXPECT_EQ(plan.sequences[0].cached_tokens, 12);
  EXPECT_EQ(plan.batch.rows.size(), 3u);
  EXPECT_EQ(plan.batch.rows[0].position, 12);
}

TEST(SchedulerTest, LastTokenOfAFullyCachedPromptIsComputed) {
  Scheduler scheduler = Make(32, 16, 4);
  Add(scheduler, 0, Tokens(8));
  RunStep(scheduler, /*ending=*/0);
  Add(scheduler, 1, Tokens(8));
  const StepPlan plan = RunStep(scheduler);
  EXPECT_EQ(plan.sequences[0].cached_tokens, 7);
  EXPECT_EQ(plan.batch.rows.size(), 1u);
  EXPECT_TRUE(plan.sequences[0].chooses);
}

TEST(SchedulerTest, EqualPromptsThatArriveTogetherAreComputedOnce) {
  Scheduler scheduler = Make(16, 64, 4);
  for (SequenceId id = 0; id < 4; ++id) Add(scheduler, id, Tokens(41));
  int64_t rows = 0;
  int choosing = 0;
  while (choosing < 4) {
    const StepPlan plan = scheduler.Schedule();
    for (const PlannedSequence& planned : plan.sequences) {
      if (planned.first_position == 40 && planned.chooses) ++choosing;
      if (planned.id > 0 && planned.chooses) {
        EXPECT_EQ(planned.cached_tokens, 40) << planned.id;
      }
    }
    for (const BatchRow& row : plan.batch.rows) rows += row.position <= 40 ? 1 : 0;
    Commit(scheduler, plan);
  }
  EXPECT_EQ(rows, 41 + 3);
}

TEST(SchedulerTest, BlockThatAnotherStillWritesIsCopiedAsFarAsTheTokensAgree) {
  Scheduler scheduler = Make(32, 16, 4);
  Add(scheduler, 0, Tokens(7));
  RunStep(scheduler);
  std::vector<int32_t> tokens = Tokens(6);
  tokens.insert(tokens.end(), {1, 2, 3});
  Add(scheduler, 1, tokens);
  const StepPlan plan = RunStep(scheduler);
  ASSERT_EQ(plan.batch.copies.size(), 1u);
  EXPECT_EQ(plan.batch.copies[0].from, plan.batch.sequences[0].block_table[1]);
  EXPECT_EQ(plan.batch.copies[0].to, plan.batch.sequences[1].block_table[1]);
  EXPECT_NE(plan.batch.copies[0].from, plan.batch.copies[0].to);
  EXPECT_EQ(Planned(plan, 1).cached_tokens, 6);
  EXPECT_EQ(RowsOf(plan, 1), 3);
}

TEST(SchedulerTest, PromptThatIsAskedAgainIsComputedForItsLastTokenAlone) {
  for (const int answer : {1, 2, 3, 4, 9}) {
    Scheduler scheduler = Make(32, 16, 4);
    Add(scheduler, 0, Tokens(11));
    for (int token = 1; token < answer; ++token) RunStep(scheduler);
    RunStep(scheduler, /*ending=*/0);
    Add(scheduler, 1, Tokens(11));
    const StepPlan plan = RunStep(scheduler);
    EXPECT_EQ(RowsOf(plan, 1), 1) << answer;
    EXPECT_EQ(Planned(plan, 1).cached_tokens, 10) << answer;
  }
}

TEST(SchedulerTest, BeginningsAreEvictedLikeOtherBlocks) {
  Scheduler scheduler = Make(32, 4, 4);
  for (SequenceId id = 0; id < 9; ++id) {
    Add(scheduler, id, Tokens(6, static_cast<int32_t>(1000 * (id + 1))));
    const StepPlan plan = RunStep(scheduler, /*ending=*/id);
    EXPECT_EQ(RowsOf(plan, id), 6);
    EXPECT_EQ(scheduler.counts().cached_blocks, std::min<int>(4, 2 * (static_cast<int>(id) + 1)));
  }
}

TEST(SchedulerTest, NothingIsCopiedFromABlockAfterAnotherPrefix) {
  Scheduler scheduler = Make(32, 16, 4);
  std::vector<int32_t> tokens = Tokens(7);
  Add(scheduler, 0, tokens);
  RunStep(scheduler);
  tokens[0] = 1;
  Add(scheduler, 1, tokens);
  const StepPlan plan = RunStep(scheduler);
  EXPECT_TRUE(plan.batch.copies.empty());
  EXPECT_EQ(RowsOf(plan, 1), 7);
}

TEST(SchedulerTest, RequestForTheLogitsOfItsPromptIsComputedInFull) {
  Scheduler scheduler = Make(32, 16, 4);
  Add(scheduler, 0, Tokens(9));
  RunStep(scheduler, /*ending=*/0);
  scheduler.Add(1, Tokens(9), /*wants_logits_from=*/0);
  const StepPlan plan = RunStep(scheduler);
  EXPECT_EQ(plan.sequences[0].cached_tokens, 0);
  EXPECT_EQ(plan.sequences[0].n_logits, 9);
  EXPECT_EQ(plan.sequences[0].first_position, 0);
}

TEST(SchedulerTest, YoungestIsPreemptedAndComputedAgainWithWhatItGenerated) {
  Scheduler scheduler(
      {.max_rows = 8, .max_running = 8, .num_blocks = 5, .block_tokens = 2, .prefix_cache = false});
  Add(scheduler, 0, Tokens(3));
  Add(scheduler, 1, Tokens(3, 2000));
  // Both run until five blocks cannot hold both.
  int last_length = 0;
  while (scheduler.counts().preemptions == 0) {
    const StepPlan plan = RunStep(scheduler);
    EXPECT_GT(RowsOf(plan, 0), 0);
    if (RowsOf(plan, 1) > 0 && scheduler.counts().preemptions == 0)
      last_length = plan.batch.rows.back().position + 1;
  }
  EXPECT_EQ(scheduler.counts().waiting, 1);
  while (scheduler.counts().running > 0) {
    RunStep(scheduler, /*ending=*/0);
    if (scheduler.counts().running == 1 && scheduler.counts().waiting == 0) break;
  }
  const StepPlan again = RunStep(scheduler);
  ASSERT_EQ(again.sequences.size(), 1u);
  EXPECT_EQ(again.sequences[0].id, 1);
  EXPECT_EQ(again.batch.rows[0].position, 0);
  EXPECT_EQ(static_cast<int>(again.batch.rows.size()), last_length + 1);
  EXPECT_EQ(again.sequences[0].n_logits, 1);  // earlier logits were used already
  EXPECT_EQ(again.batch.rows[0].token, 2000);
  EXPECT_EQ(again.batch.rows[3].token, kAnswer);
}

TEST(SchedulerTest, OldestIsNeverPreempted) {
  Scheduler scheduler = Make(4, 6, 2);
  for (SequenceId id = 0; id < 6; ++id) Add(scheduler, id, Tokens(3, static_cast<int32_t>(100 * id)));
  for (int length = 3; length < 12; ++length) {
    const StepPlan plan = RunStep(scheduler);
    ASSERT_GT(RowsOf(plan, 0), 0) << "at length " << length;
  }
  EXPECT_GT(scheduler.counts().preemptions, 0);
}

TEST(SchedulerTest, CancelFreesRowsAndBlocksBeforeTheNextStep) {
  Scheduler scheduler = Make(8, 16, 4);
  Add(scheduler, 0, Tokens(30));
  Add(scheduler, 1, Tokens(2, 2000));
  RunStep(scheduler);
  EXPECT_TRUE(scheduler.Cancel(0));
  EXPECT_FALSE(scheduler.Cancel(0));
  scheduler.CheckInvariants();
  EXPECT_EQ(scheduler.counts().owned_blocks, 1);
  const StepPlan plan = RunStep(scheduler);
  EXPECT_EQ(RowsOf(plan, 0), 0);
  EXPECT_EQ(RowsOf(plan, 1), 1);
}

TEST(SchedulerTest, WaitingSequenceCanBeCancelled) {
  Scheduler scheduler = Make(8, 2, 4);
  Add(scheduler, 0, Tokens(7));
  Add(scheduler, 1, Tokens(7, 2000));
  RunStep(scheduler);
  EXPECT_EQ(scheduler.counts().waiting, 1);
  EXPECT_TRUE(scheduler.Cancel(1));
  EXPECT_EQ(scheduler.counts().waiting, 0);
}

TEST(SchedulerTest, FailedStepDropsRunningAndLeavesWaiting) {
  Scheduler scheduler = Make(8, 2, 4);
  Add(scheduler, 0, Tokens(7));
  Add(scheduler, 1, Tokens(7, 2000));
  scheduler.Schedule();
  EXPECT_THAT(scheduler.DropRunning(), ElementsAre(0));
  scheduler.CheckInvariants();
  EXPECT_EQ(scheduler.counts().free_blocks, 2);
  EXPECT_EQ(RowsOf(RunStep(scheduler), 1), 7);
}

TEST(SchedulerTest, SequenceBeyondMaxRunningWaits) {
  Scheduler scheduler(
      {.max_rows = 8, .max_running = 2, .num_blocks = 64, .block_tokens = 4, .prefix_cache = true});
  for (SequenceId id = 0; id < 3; ++id) Add(scheduler, id, Tokens(2, static_cast<int32_t>(100 * id)));
  EXPECT_EQ(RunStep(scheduler).sequences.size(), 2u);
  EXPECT_EQ(scheduler.counts().waiting, 1);
}

}  // namespace
}  // namespace puna
