#include "engine/ops/attention.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "engine/base/thread_pool.h"
#include "engine/ops/reference.h"
#include "tests/engine/ops/kernel_test.h"

namespace puna {
namespace {

class AttentionTest : public KernelTest {};
INSTANTIATE_KERNEL_TEST(AttentionTest);

// A pool of KV blocks, all NaN until stored to, dealt out to sequences in a mixed order.
class Cache {
 public:
  Cache(const AttentionShape& shape, int blocks)
      : stride_(static_cast<ptrdiff_t>(shape.n_kv_heads) * shape.head_dim * kKvBlockTokens),
        keys_(static_cast<size_t>(stride_ * blocks), std::numeric_limits<float>::quiet_NaN()),
        values_(keys_),
        free_(static_cast<size_t>(blocks)) {
    std::iota(free_.begin(), free_.end(), 0);
    std::shuffle(free_.begin(), free_.end(), std::mt19937(7));
  }
  std::vector<int32_t> Take(int positions) {
    std::vector<int32_t> table;
    for (int at = 0; at < positions; at += kKvBlockTokens) {
      table.push_back(free_.back());
      free_.pop_back();
    }
    return table;
  }
  KvLayerView view() { return {keys_.data(), values_.data(), stride_}; }

 private:
  ptrdiff_t stride_;
  std::vector<float> keys_;
  std::vector<float> values_;
  std::vector<int32_t> free_;
};

// One sequence's queries, keys and values for every position.
struct Tokens {
  Tokens(const AttentionShape& shape, int positions, Random& random)
      : q_width(static_cast<size_t>(shape.n_heads * shape.head_dim)),
        kv_width(static_cast<size_t>(shape.n_kv_heads * shape.head_dim)),
        q(random.Normals(q_width * static_cast<size_t>(positions))),
        k(random.Normals(kv_width * static_cast<size_t>(positions))),
        v(random.Normals(kv_width * static_cast<size_t>(positions))) {}
  size_t q_width;
  size_t kv_width;
  std::vector<float> q;
  std::vector<float> k;
  std::vector<float> v;
};

// Stores and attends positions [begin, end) of one sequence as one step.
std::vector<float> Step(ThreadPool& pool, const AttentionShape& shape, const Tokens& tokens, int begin,
                        int end, std::span<const int32_t> table, Cache& cache) {
  const auto first = static_cast<size_t>(begin);
  const AttentionSequence sequence{0, end - begin, begin, table};
  const auto q_stride = static_cast<ptrdiff_t>(tokens.q_width);
  const auto kv_stride = static_cast<ptrdiff_t>(tokens.kv_width);
  StoreKv(shape, {&sequence, 1}, tokens.k.data() + first * tokens.kv_width, kv_stride,
          tokens.v.data() + first * tokens.kv_width, kv_stride, cache.view());
  std::vector<float> out(tokens.q_width * static_cast<size_t>(end - begin));
  AttentionScratch scratch;
  scratch.Reserve(shape, static_cast<size_t>(end - begin), static_cast<size_t>(end),
                  static_cast<size_t>(pool.threads()));
  Attention(pool, shape, {&sequence, 1}, tokens.q.data() + first * tokens.q_width, q_stride, cache.view(),
            out.data(), q_stride, scratch);
  return out;
}

std::vector<float> Expected(const AttentionShape& shape, const Tokens& tokens, int begin, int end,
                            std::span<const int32_t> table, Cache& cache) {
  const AttentionSequence sequence{0, end - begin, begin, table};
  const auto stride = static_cast<ptrdiff_t>(tokens.q_width);
  std::vector<float> out(tokens.q_width * static_cast<size_t>(end - begin));
  reference::Attention(shape, {&sequence, 1}, tokens.q.data() + static_cast<size_t>(begin) * tokens.q_width,
                       stride, cache.view(), out.data(), stride);
  return out;
}

constexpr AttentionShape kShapes[] = {
    {1, 1, 2}, {2, 2, 8}, {6, 2, 24}, {6, 2, 32}, {4, 1, 64}, {8, 2, 64}, {4, 4, 64}, {5, 1, 128}, {20, 1, 8},
};

TEST_P(AttentionTest, PromptsEqualReferenceBitForBitAcrossBlockAndSpanEdges) {
  Random random(1);
  ThreadPool pool(2);
  for (const AttentionShape& shape : kShapes) {
    for (const int positions : {1, 2, 31, 32, 33, 64, 255, 256, 257}) {
      Cache cache(shape, 12);
      const Tokens tokens(shape, positions, random);
      const std::vector<int32_t> table = cache.Take(positions);
      const std::vector<float> got = Step(pool, shape, tokens, 0, positions, table, cache);
      EXPECT_TRUE(SameBits(got, Expected(shape, tokens, 0, positions, table, cache)))
          << shape.n_heads << "/" << shape.n_kv_heads << " heads of " << shape.head_dim << ", " << positions;
    }
  }
}

TEST_P(AttentionTest, OneMoreTokenEqualsReferenceBitForBitAcrossBlockAndSpanEdges) {
  Random random(2);
  for (const AttentionShape& shape : kShapes) {
    for (const int position : {1, 31, 32, 255, 256, 257, 511, 512, 600}) {
      Cache cache(shape, 24);
      const Tokens tokens(shape, position + 1, random);
      const std::vector<int32_t> table = cache.Take(position + 1);
      ThreadPool one(1);
      Step(one, shape, tokens, 0, position, table, cache);
      for (const int threads : {1, 2, 3, 4}) {
        ThreadPool pool(threads);
        const std::vector<float> got = Step(pool, shape, tokens, position, position + 1, table, cache);
        EXPECT_TRUE(SameBits(got, Expected(shape, tokens, position, position + 1, table, cache)))
            << shape.n_heads << "/" << shape.n_kv_heads << " heads of " << shape.head_dim << ", position "
            << position << ", " << threads << " threads";
      }
    }
  }
}

TEST_P(AttentionTest, ChunksOfThePromptAndThreadsChangeNoBit) {
  Random random(3);
  const AttentionShape shape{6, 2, 32};
  const int positions = 600;
  const Tokens tokens(shape, positions, random);
  ThreadPool one(1);
  Cache whole_cache(shape, 20);
  const std::vector<int32_t> whole_table = whole_cache.Take(positions);
  const std::vector<float> whole = Step(one, shape, tokens, 0, positions, whole_table, whole_cache);
  for (const int chunk : {1, 7, 32, 100, 257}) {
    for (const int threads : {1, 3}) {
      ThreadPool pool(threads);
      Cache cache(shape, 20);
      const std::vector<int32_t> table = cache.Take(positions);
      std::vector<float> chunked;
      for (int begin = 0; begin < positions; begin += chunk) {
        const std::vector<float> part =
            Step(pool, shape, tokens, begin, std::min(begin + chunk, positions), table, cache);
        chunked.insert(chunked.end(), part.begin(), part.end());
      }
      EXPECT_TRUE(SameBits(chunked, whole)) << "chunk " << chunk << ", threads " << threads;
    }
  }
}

TEST_P(AttentionTest, SequencesOfOneStepDoNotSeeEachOther) {
  Random random(4);
  const AttentionShape shape{4, 2, 16};
  const auto width = static_cast<ptrdiff_t>(4 * 16);
  const auto kv_width = static_cast<ptrdiff_t>(2 * 16);
  ThreadPool pool(2);
  Cache cache(shape, 40);
  // A prompt, a decode deep in its third span, a chunk in the middle, a decode at the start.
  const std::vector<std::pair<int, int>> parts = {{0, 40}, {530, 531}, {100, 170}, {0, 1}};
  std::vector<Tokens> all;
  std::vector<std::vector<int32_t>> tables;
  std::vector<AttentionSequence> sequences;
  std::vector<float> q, k, v, want;
  for (const auto& [begin, end] : parts) {
    all.emplace_back(shape, end, random);
    tables.push_back(cache.Take(end));
    if (begin > 0) Step(pool, shape, all.back(), 0, begin, tables.back(), cache);
    const std::vector<float> alone = Step(pool, shape, all.back(), begin, end, tables.back(), cache);
    want.insert(want.end(), alone.begin(), alone.end());
  }
  int row = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const int begin = parts[i].first;
    const int end = parts[i].second;
    sequences.push_back({row, end - begin, begin, tables[i]});
    row += end - begin;
    const auto append = [&](std::vector<float>& to, const std::vector<float>& from, ptrdiff_t w) {
      to.insert(to.end(), from.begin() + begin * w, from.begin() + end * w);
    };
    append(q, all[i].q, width);
    append(k, all[i].k, kv_width);
    append(v, all[i].v, kv_width);
  }
  StoreKv(shape, sequences, k.data(), kv_width, v.data(), kv_width, cache.view());
  std::vector<float> got(q.size());
  AttentionScratch scratch;
  scratch.Reserve(shape, static_cast<size_t>(row), 600, 2);
  Attention(pool, shape, sequences, q.data(), width, cache.view(), got.data(), width, scratch);
  EXPECT_TRUE(SameBits(got, want));
}

TEST_P(AttentionTest, SlotsNeverWrittenDoNotReachAResult) {
  Random random(5);
  const AttentionShape shape{4, 2, 64};
  ThreadPool pool(2);
  for (const int positions : {1, 5, 31, 33, 47, 300}) {
    Cache cache(shape, 12);  // NaN everywhere else
    const Tokens tokens(shape, positions, random);
    const std::vector<int32_t> table = cache.Take(positions);
    for (const float value : Step(pool, shape, tokens, 0, positions, table, cache)) {
      ASSERT_TRUE(std::isfinite(value)) << positions << " positions";
    }
  }
}

TEST_P(AttentionTest, LargeAndTinyScoresFollowTheDefinition) {
  Random random(6);
  const AttentionShape shape{2, 1, 8};
  ThreadPool pool(2);
  for (const float scale : {1e-30f, 1e-3f, 30.0f, 1e4f, 1e18f}) {
    Cache cache(shape, 12);
    Tokens tokens(shape, 300, random);
    for (float& value : tokens.q) value *= scale;
    const std::vector<int32_t> table = cache.Take(300);
    const std::vector<float> got = Step(pool, shape, tokens, 0, 300, table, cache);
    EXPECT_TRUE(SameBits(got, Expected(shape, tokens, 0, 300, table, cache))) << scale;
  }
}

// Against the formula in double: what the definition computes is attention.
TEST_P(AttentionTest, IsSoftmaxOfScaledProductsTimesValues) {
  Random random(7);
  const AttentionShape shape{2, 1, 16};
  ThreadPool pool(1);
  Cache cache(shape, 20);
  const int positions = 520;
  const Tokens tokens(shape, positions, random);
  const std::vector<int32_t> table = cache.Take(positions);
  const std::vector<float> got = Step(pool, shape, tokens, 0, positions, table, cache);
  for (size_t row = 0; row < static_cast<size_t>(positions); ++row) {
    for (size_t head = 0; head < 2; ++head) {
      std::vector<double> weights;
      double sum = 0;
      for (size_t j = 0; j <= row; ++j) {
        double s = 0;
        for (size_t d = 0; d < 16; ++d)
          s += double{tokens.q[row * 32 + head * 16 + d]} * double{tokens.k[j * 16 + d]};
        weights.push_back(std::exp(s / 4));
        sum += weights.back();
      }
      for (size_t d = 0; d < 16; ++d) {
        double want = 0;
        for (size_t j = 0; j <= row; ++j) want += weights[j] / sum * double{tokens.v[j * 16 + d]};
        ASSERT_NEAR(got[row * 32 + head * 16 + d], want, 3e-6) << row;
      }
    }
  }
}

}  // namespace
}  // namespace puna
