#include "engine/scheduler/prefix_cache.h"

#include <gtest/gtest.h>

#include <array>

namespace puna {
namespace {

constexpr std::array<int32_t, 2> kA = {1, 2};
constexpr std::array<int32_t, 2> kB = {3, 4};

TEST(PrefixCacheTest, FindsABlockOnlyAfterItsOwnPrefix) {
  BlockPool pool(4);
  PrefixCache cache(pool);
  const int32_t a = *pool.Take();
  const int32_t b = *pool.Take();
  const auto after_a = cache.Insert(PrefixCache::kRoot, kA, a);
  const auto after_b = cache.Insert(after_a, kB, b);

  ASSERT_TRUE(cache.Find(PrefixCache::kRoot, kA).has_value());
  EXPECT_EQ(cache.Find(PrefixCache::kRoot, kA)->block, a);
  EXPECT_EQ(cache.Find(PrefixCache::kRoot, kA)->link, after_a);
  EXPECT_EQ(cache.Find(after_a, kB)->block, b);
  EXPECT_FALSE(cache.Find(PrefixCache::kRoot, kB).has_value());
  EXPECT_FALSE(cache.Find(after_b, kB).has_value());
  EXPECT_FALSE(cache.Find(after_a, kA).has_value());
}

TEST(PrefixCacheTest, BeginningIsTheBlockThatAgreesForTheMostTokens) {
  BlockPool pool(4);
  PrefixCache cache(pool);
  const std::array<int32_t, 3> full = {1, 2, 3};
  const std::array<int32_t, 2> part = {1, 5};
  const std::array<int32_t, 3> wanted = {1, 5, 6};
  const std::array<int32_t, 1> other = {7};
  const int32_t a = *pool.Take();
  const int32_t b = *pool.Take();
  const auto after_a = cache.Insert(PrefixCache::kRoot, full, a);
  cache.Insert(PrefixCache::kRoot, part, b);
  const auto found = cache.FindBeginning(PrefixCache::kRoot, wanted);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->block, b);
  EXPECT_EQ(found->positions, 2);
  EXPECT_EQ(cache.FindBeginning(PrefixCache::kRoot, kA)->block, a);
  EXPECT_EQ(cache.FindBeginning(PrefixCache::kRoot, kA)->positions, 2);
  EXPECT_FALSE(cache.FindBeginning(PrefixCache::kRoot, other).has_value());
  EXPECT_FALSE(cache.FindBeginning(after_a, wanted).has_value());
  cache.Drop(b);
  EXPECT_TRUE(cache.EvictOne());
  EXPECT_EQ(cache.FindBeginning(PrefixCache::kRoot, wanted)->positions, 1);
}

TEST(PrefixCacheTest, EvictsTheBlockThatWasDroppedLongestAgo) {
  BlockPool pool(3);
  PrefixCache cache(pool);
  const int32_t a = *pool.Take();
  const int32_t b = *pool.Take();
  cache.Insert(PrefixCache::kRoot, kA, a);
  cache.Insert(PrefixCache::kRoot, kB, b);
  cache.Drop(a);
  cache.Drop(b);
  cache.Share(a);  // used again: now b is older
  cache.Drop(a);

  EXPECT_TRUE(cache.EvictOne());
  EXPECT_FALSE(cache.Find(PrefixCache::kRoot, kB).has_value());
  EXPECT_TRUE(cache.Find(PrefixCache::kRoot, kA).has_value());
  EXPECT_TRUE(cache.EvictOne());
  EXPECT_FALSE(cache.EvictOne());
  EXPECT_EQ(pool.num_free(), 3);
}

TEST(PrefixCacheTest, NeverEvictsAnOwnedBlock) {
  BlockPool pool(1);
  PrefixCache cache(pool);
  const int32_t a = *pool.Take();
  cache.Insert(PrefixCache::kRoot, kA, a);
  EXPECT_FALSE(cache.EvictOne());
  EXPECT_TRUE(cache.Find(PrefixCache::kRoot, kA).has_value());
}

TEST(PrefixCacheTest, LinkOfAForgottenPrefixLeadsNowhereWhenThePrefixComesAgain) {
  BlockPool pool(3);
  PrefixCache cache(pool);
  const int32_t a = *pool.Take();
  const auto old_link = cache.Insert(PrefixCache::kRoot, kA, a);
  cache.Drop(a);
  ASSERT_TRUE(cache.EvictOne());
  const auto new_link = cache.Insert(PrefixCache::kRoot, kA, *pool.Take());
  EXPECT_NE(old_link, new_link);
}

TEST(PrefixCacheTest, ClearForgetsAllAndLeavesOwnersTheirBlocks) {
  BlockPool pool(3);
  PrefixCache cache(pool);
  const int32_t a = *pool.Take();
  const int32_t b = *pool.Take();
  const auto after_a = cache.Insert(PrefixCache::kRoot, kA, a);
  cache.Insert(after_a, kB, b);
  cache.Drop(b);
  cache.Clear();
  EXPECT_FALSE(cache.Find(PrefixCache::kRoot, kA).has_value());
  EXPECT_EQ(pool.num_owned(), 1);
  EXPECT_EQ(pool.num_free(), 2);
  EXPECT_EQ(pool.num_cached(), 0);
}

}  // namespace
}  // namespace puna
