#include "server/memory_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/error.h"

namespace puna {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = 1 << 30;

// Llama 3.1 8B: 8 MiB for 32 positions, 2 GiB for 8192.
MemoryFacts EightB(uint64_t available) {
  MemoryFacts facts;
  facts.model_context = 131072;
  facts.kv_block_tokens = 32;
  facts.kv_block_bytes = 8 * kMiB;
  facts.weights = 15 * kGiB;
  facts.available = available;
  return facts;
}

TEST(MemoryPlanTest, ARoomyMachineGetsTheDefaultContextForSeveralRequests) {
  const MemoryPlan plan = PlanMemory(EightB(128 * kGiB));
  EXPECT_EQ(plan.context, kDefaultContext);
  EXPECT_EQ(plan.num_kv_blocks, kDefaultSequences * 256);
}

TEST(MemoryPlanTest, HalfOfWhatTheWeightsLeaveIsTheMost) {
  const MemoryPlan plan = PlanMemory(EightB(23 * kGiB));
  EXPECT_EQ(plan.context, kDefaultContext);
  EXPECT_EQ(plan.num_kv_blocks, 512);  // 4 GiB
}

TEST(MemoryPlanTest, AContextNobodyAskedForShrinksToWhatFits) {
  const MemoryPlan plan = PlanMemory(EightB(17 * kGiB));
  EXPECT_EQ(plan.num_kv_blocks, 128);  // 1 GiB
  EXPECT_EQ(plan.context, 4096);
}

TEST(MemoryPlanTest, AContextThatWasAskedForMayUseMoreThanHalf) {
  MemoryFacts facts = EightB(18 * kGiB);  // 3 GiB beside the weights
  facts.wanted_context = 8192;            // 2 GiB
  const MemoryPlan plan = PlanMemory(facts);
  EXPECT_EQ(plan.context, 8192);
  EXPECT_EQ(plan.num_kv_blocks, 256);
}

TEST(MemoryPlanTest, AContextThatCannotFitIsRefusedWithTheNumbers) {
  MemoryFacts facts = EightB(17 * kGiB);
  facts.wanted_context = 16384;  // 4 GiB of 2
  try {
    PlanMemory(facts);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("context of 16384 positions needs 4.29 GB"));
    EXPECT_THAT(error.what(), testing::HasSubstr("1.93 GB"));
  }
  facts.wanted_context = 131073;
  EXPECT_THROW(PlanMemory(facts), Error);
}

TEST(MemoryPlanTest, TooLittleMemoryForAnyUsefulContextIsRefused) {
  EXPECT_THROW(PlanMemory(EightB(15 * kGiB)), Error);
  EXPECT_THROW(PlanMemory(EightB(8 * kGiB)), Error);
}

TEST(MemoryPlanTest, AWantedPoolIsTakenAsItIs) {
  MemoryFacts facts = EightB(1 * kGiB);
  facts.wanted_kv_memory = 3 * kGiB;
  EXPECT_EQ(PlanMemory(facts).num_kv_blocks, 384);
  EXPECT_EQ(PlanMemory(facts).context, kDefaultContext);
  facts.wanted_kv_memory = kGiB;
  EXPECT_EQ(PlanMemory(facts).context, 4096);
  facts.wanted_context = 8192;
  EXPECT_THROW(PlanMemory(facts), Error);
}

TEST(MemoryPlanTest, ASmallModelsContextIsItsOwn) {
  MemoryFacts facts = EightB(128 * kGiB);
  facts.model_context = 100;
  const MemoryPlan plan = PlanMemory(facts);
  EXPECT_EQ(plan.context, 100);
  EXPECT_EQ(plan.num_kv_blocks, 4 * kDefaultSequences);
}

TEST(MemoryPlanTest, UnknownMemoryIsNotNoMemory) {
  EXPECT_EQ(PlanMemory(EightB(0)).context, kDefaultContext);
}

TEST(MemoryPlanTest, ThePoolIsNeverABlockAboveItsBudget) {
  MemoryFacts facts = EightB(128 * kGiB);
  facts.wanted_context = 256;
  for (const uint64_t budget : {64 * kMiB, 64 * kMiB + 1, 72 * kMiB - 1, 72 * kMiB, 5 * kGiB + 12345}) {
    facts.wanted_kv_memory = budget;
    const MemoryPlan plan = PlanMemory(facts);
    const uint64_t pool = static_cast<uint64_t>(plan.num_kv_blocks) * facts.kv_block_bytes;
    EXPECT_LE(pool, budget);
    EXPECT_GT(pool + facts.kv_block_bytes, budget);
  }
}

TEST(MemoryPlanTest, ConversationsOfFullLengthAreCountedWhole) {
  MemoryFacts facts = EightB(128 * kGiB);
  facts.wanted_context = 1000;  // 32 blocks
  for (const auto& [blocks, conversations] :
       {std::pair{32, 1}, std::pair{63, 1}, std::pair{64, 2}, std::pair{65, 2}}) {
    facts.wanted_kv_memory = static_cast<uint64_t>(blocks) * facts.kv_block_bytes;
    EXPECT_EQ(PlanMemory(facts).Conversations(facts.kv_block_tokens), conversations) << blocks;
  }
}

}  // namespace
}  // namespace puna
