#include "tokenizer/bpe.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/tokenizer/demo_vocabulary.h"
#include "tokenizer/tiktoken_file.h"

namespace puna {
namespace {

class BpeTest : public testing::Test {
 protected:
  // The definition: again and again the pair of lowest rank, the leftmost of equals.
  std::vector<TokenId> Naive(std::string_view piece) const {
    if (const TokenId whole = vocabulary_.Find(piece); whole >= 0) return {whole};
    std::vector<std::string> parts;
    for (const char byte : piece) parts.emplace_back(1, byte);
    for (;;) {
      size_t best = parts.size();
      TokenId best_rank = vocabulary_.size();
      for (size_t i = 0; i + 1 < parts.size(); ++i) {
        const TokenId rank = vocabulary_.Find(parts[i] + parts[i + 1]);
        if (rank >= 0 && rank < best_rank) {
          best = i;
          best_rank = rank;
        }
      }
      if (best == parts.size()) break;
      parts[best] += parts[best + 1];
      parts.erase(parts.begin() + static_cast<ptrdiff_t>(best) + 1);
    }
    std::vector<TokenId> ids;
    for (const std::string& part : parts) ids.push_back(vocabulary_.Find(part));
    return ids;
  }

  const Vocabulary vocabulary_ = ParseTiktoken(ReadDemoFile("tokenizer.model"), "tokenizer.model");
};

TEST_F(BpeTest, EqualsTheDefinitionOnRandomPieces) {
  std::mt19937 random(2);
  BytePairMerger merger(vocabulary_);
  for (int round = 0; round < 3000; ++round) {
    std::string piece;
    while (piece.size() < 1 + static_cast<size_t>(round) % 60) {
      // Whole tokens make merges likely; single bytes break them.
      piece += random() % 4 == 0 ? std::string(1, static_cast<char>(random()))
                                 : std::string(vocabulary_.Bytes(static_cast<TokenId>(random() % 1792)));
    }
    std::vector<TokenId> ids;
    merger.Encode(piece, ids);
    ASSERT_EQ(ids, Naive(piece)) << testing::PrintToString(piece);
  }
}

// Steps, not seconds: what is counted is the same on every machine.
TEST_F(BpeTest, WorkGrowsWithTheLengthOfAPieceWhateverItHolds) {
  for (const std::string& unit : {std::string("a"), std::string(" "), std::string("_"), std::string("😀"),
                                  std::string("ab"), std::string("\u0301"), std::string("\n")}) {
    std::string piece;
    while (piece.size() < 1'000'000) piece += unit;
    BytePairMerger merger(vocabulary_);
    std::vector<TokenId> ids;
    merger.Encode(piece, ids);
    EXPECT_LE(merger.steps(), 3 * static_cast<int64_t>(piece.size())) << unit;
    std::string decoded;
    for (const TokenId id : ids) decoded += vocabulary_.Bytes(id);
    EXPECT_EQ(decoded, piece);
  }
}

}  // namespace
}  // namespace puna
