#include "engine/scheduler/block_pool.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

TEST(BlockPoolTest, GivesEveryBlockOnceThenNone) {
  BlockPool pool(3);
  std::vector<bool> seen(3, false);
  for (int i = 0; i < 3; ++i) {
    const auto block = pool.Take();
    ASSERT_TRUE(block.has_value());
    EXPECT_FALSE(seen[static_cast<size_t>(*block)]);
    seen[static_cast<size_t>(*block)] = true;
  }
  EXPECT_FALSE(pool.Take().has_value());
  EXPECT_EQ(pool.num_owned(), 3);
  EXPECT_EQ(pool.num_free(), 0);
}

TEST(BlockPoolTest, SharedBlockIsFreeAfterItsLastReference) {
  BlockPool pool(2);
  const int32_t block = *pool.Take();
  pool.Share(block);
  EXPECT_FALSE(pool.Drop(block));
  EXPECT_EQ(pool.num_owned(), 1);
  EXPECT_TRUE(pool.Drop(block));
  EXPECT_EQ(pool.num_owned(), 0);
  EXPECT_EQ(pool.num_free(), 2);
}

TEST(BlockPoolTest, KeptBlockIsCachedUntilForgotten) {
  BlockPool pool(2);
  const int32_t block = *pool.Take();
  pool.Keep(block);
  EXPECT_TRUE(pool.Drop(block));
  EXPECT_EQ(pool.num_cached(), 1);
  EXPECT_EQ(pool.num_free(), 1);
  pool.Share(block);
  EXPECT_EQ(pool.num_cached(), 0);
  EXPECT_EQ(pool.num_owned(), 1);
  pool.Drop(block);
  pool.Forget(block);
  EXPECT_EQ(pool.num_cached(), 0);
  EXPECT_EQ(pool.num_free(), 2);
}

TEST(BlockPoolTest, ForgettingAnOwnedBlockLeavesItOwned) {
  BlockPool pool(1);
  const int32_t block = *pool.Take();
  pool.Keep(block);
  pool.Forget(block);
  EXPECT_EQ(pool.num_owned(), 1);
  EXPECT_TRUE(pool.Drop(block));
  EXPECT_EQ(pool.num_free(), 1);
}

TEST(BlockPoolDeathTest, DroppingAFreeBlockIsAMistake) {
  BlockPool pool(1);
  EXPECT_DEATH(pool.Drop(0), "no reference");
  EXPECT_DEATH(pool.Share(0), "is free");
}

}  // namespace
}  // namespace puna
