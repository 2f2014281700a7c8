// A model in pieces against the same model in one: the same bits.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "engine/ops/instruction_set.h"
#include "tests/support/model_runner.h"
#include "tests/support/tiny_model.h"

namespace puna {
namespace {

namespace fs = std::filesystem;

class ShardsTest : public testing::TestWithParam<DType> {
 protected:
  ShardsTest() {
    std::string pattern = (fs::temp_directory_path() / "puna-shards-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    for (int i = 0; i < 40; ++i) {
      tokens_.push_back(i * 37 % 272);
      all_.insert(i);
    }
  }
  ~ShardsTest() override {
    UseInstructionSet("");
    fs::remove_all(root_);
  }

  // Head size 24; w2 has 1048 columns, which 8 pieces cut into 131 each, so that blocks of the dot product
  // begin and end anywhere in them.
  test::TinyModel Model(bool llama2) const {
    return {.dim = 192,
            .n_heads = 8,
            .n_kv_heads = 8,
            .ffn_dim_multiplier = 2.04,
            .dtype = GetParam(),
            .sentencepiece = llama2};
  }

  std::vector<ModelRunner::Logits> LogitsOf(const test::TinyModel& model, int chunk) const {
    test::WriteTinyModel(root_ / "model", model);
    ModelRunner runner(root_ / "model", {.threads = 2});
    std::vector<ModelRunner::Logits> logits = runner.LogitsAt(tokens_, all_, chunk);
    fs::remove_all(root_ / "model");
    return logits;
  }

  fs::path root_;
  std::vector<int32_t> tokens_;
  std::set<int> all_;
};

TEST_P(ShardsTest, GiveTheBitsOfTheModelInOnePiece) {
  EXPECT_EQ(Model(false).hidden_dim(), 1048);
  for (const bool llama2 : {false, true}) {
    test::TinyModel model = Model(llama2);
    const std::vector<ModelRunner::Logits> want = LogitsOf(model, 40);
    for (const int shards : {2, 4, 8}) {
      model.shards = shards;
      model.embeddings_by_columns = llama2;
      for (const std::string& name : AvailableInstructionSets()) {
        UseInstructionSet(name);
        for (const int chunk : {1, 40}) {
          const std::vector<ModelRunner::Logits> got = LogitsOf(model, chunk);
          ASSERT_EQ(got.size(), want.size());
          for (size_t i = 0; i < got.size(); ++i) {
            ASSERT_EQ(std::memcmp(got[i].data(), want[i].data(), want[i].size() * sizeof(float)), 0)
                << shards << " shards, " << name << ", chunks of " << chunk << ", position " << i;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, ShardsTest, testing::Values(DType::kBF16, DType::kF16, DType::kF32),
                         [](const auto& instance) { return std::string(Name(instance.param)); });

}  // namespace
}  // namespace puna
