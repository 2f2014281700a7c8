#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "server/bench/bench_report.h"
#include "server/bench/step_cost.h"

namespace puna {
namespace {

using testing::HasSubstr;
using testing::Not;

// One layer with 8 x 8 matrices of bf16, a vocabulary of 16, two heads of 4.
ModelConfig TinyConfig() {
  ModelConfig config;
  config.dim = 8;
  config.n_layers = 1;
  config.n_heads = 2;
  config.n_kv_heads = 1;
  config.head_dim = 4;
  config.vocab_size = 16;
  return config;
}
Weights TinyWeights() {
  Weights weights;
  const MatrixView square{DType::kBF16, 8, 8, nullptr};
  weights.layers.push_back({{}, square, square, square, square, {}, square, square, square});
  weights.output = {DType::kF32, 16, 8, nullptr};
  return weights;
}

TEST(StepCostTest, WeightsAreReadOnceForAllRowsAndTheOutputOnlyForLogits) {
  const StepCost one = CostOfStep(TinyConfig(), TinyWeights(), 1, 1, 1, 0);
  const StepCost four = CostOfStep(TinyConfig(), TinyWeights(), 4, 4, 4, 0);
  const StepCost silent = CostOfStep(TinyConfig(), TinyWeights(), 4, 0, 1, 0);
  EXPECT_EQ(one.weight_bytes, 7 * 8 * 8 * 2 + 16 * 8 * 4);
  EXPECT_EQ(four.weight_bytes, one.weight_bytes);
  EXPECT_EQ(silent.weight_bytes, 2 * 8 * 8 * 2);  // keys and values of the only layer
  EXPECT_EQ(four.flops, 4 * one.flops);
}

TEST(StepCostTest, AttentionReadsEveryPositionBefore) {
  const StepCost shallow = CostOfStep(TinyConfig(), TinyWeights(), 2, 2, 2, 0);
  const StepCost deep = CostOfStep(TinyConfig(), TinyWeights(), 2, 2, 2, 100);
  EXPECT_EQ(shallow.kv_bytes, 0);
  EXPECT_EQ(deep.kv_bytes, 2 * 100 * (2 * 4 * 4));         // two sequences; a key and a value of 4 floats
  EXPECT_EQ(deep.flops - shallow.flops, 2 * 100 * 4 * 8);  // two heads of 4
}

TEST(StepCostTest, RowsOfAPromptSeeTheOnesBeforeThemAndGoNoFurtherThanTheyAreWanted) {
  ModelConfig config = TinyConfig();
  config.n_layers = 2;
  Weights weights = TinyWeights();
  weights.layers.push_back(weights.layers[0]);
  const double first_layer = 2 * 7 * 8 * 8 * 3 + (1 + 2 + 3) * 4 * 8;
  const double keys_and_values = 2 * 2 * 8 * 8 * 3;
  EXPECT_EQ(CostOfStep(config, weights, 3, 0, 1, 0).flops, first_layer + keys_and_values);
  const double rest_of_one_row = 2 * 5 * 8 * 8 + 3 * 4 * 8 + 2 * 16 * 8;
  EXPECT_EQ(CostOfStep(config, weights, 3, 1, 1, 0).flops, first_layer + keys_and_values + rest_of_one_row);
}

BenchRow Row(BenchRow::Kind kind, int depth, std::vector<double> seconds) {
  BenchRow row{kind, 10, 2, depth, {}};
  for (const double s : seconds) row.repetitions.push_back({s, {8e9, depth * 1e8, 1e9}, {16e9, 100e9}});
  return row;
}

TEST(BenchFiguresTest, AreMediansAndTheShareOfTheShortestTime) {
  const BenchFigures figures = Figures(Row(BenchRow::Kind::kAnswer, 0, {1.0, 4.0, 2.0}));
  EXPECT_DOUBLE_EQ(figures.tokens_per_second, 10);  // 10 tokens of 2 sequences in 2 s
  EXPECT_DOUBLE_EQ(figures.slowest, 5);
  EXPECT_DOUBLE_EQ(figures.fastest, 20);
  EXPECT_DOUBLE_EQ(figures.weights_gb_per_second, 4);
  EXPECT_DOUBLE_EQ(figures.share_of_limit, 0.25);  // reading alone takes 0.5 s
  EXPECT_TRUE(figures.memory_bound);
}

TEST(BenchFiguresTest, OfAnEvenNumberOfRepetitionsTheMedianIsBetweenTwo) {
  EXPECT_DOUBLE_EQ(Figures(Row(BenchRow::Kind::kAnswer, 0, {1.0, 2.0})).tokens_per_second, 15);
}

TEST(BenchReportTest, DepthIsComparedWithTheSameAnswersWithoutIt) {
  const BenchRow shallow = Row(BenchRow::Kind::kAnswer, 0, {1.0});
  const BenchRow deep = Row(BenchRow::Kind::kAnswer, 80, {2.0});  // 8 GB of keys and values: half a second
  EXPECT_DOUBLE_EQ(DepthCost(deep, shallow), 2.0);
  std::ostringstream alone, compared;
  PrintRow(alone, deep, {});
  PrintRow(compared, deep, {shallow});
  EXPECT_THAT(alone.str(), Not(HasSubstr("depth costs")));
  EXPECT_THAT(compared.str(), HasSubstr("depth costs 2.00x"));
}

TEST(BenchReportTest, JsonHoldsEveryRowAndTheMachinesBest) {
  BenchRow prompt = Row(BenchRow::Kind::kPrompt, 0, {1.0});
  prompt.batch = 1;
  prompt.repetitions[0].limits.flops_per_second = 120e9;
  std::ostringstream out;
  PrintJson(out, {"m", 5, 10, 2, "avx2"}, {prompt, Row(BenchRow::Kind::kAnswer, 0, {1.0})});
  const auto json = nlohmann::json::parse(out.str());
  EXPECT_EQ(json.at("model"), "m");
  EXPECT_EQ(json.at("fma_gflops"), 120);
  ASSERT_EQ(json.at("rows").size(), 2u);
  EXPECT_EQ(json.at("rows").at(0).at("test"), "prompt");
  EXPECT_EQ(json.at("rows").at(0).at("tokens_per_second"), 10);
  EXPECT_EQ(json.at("rows").at(1).at("batch"), 2);
  EXPECT_EQ(json.at("rows").at(1).at("percent_of_limit"), 50);
}

}  // namespace
}  // namespace puna
