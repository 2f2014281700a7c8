#include "tests/bench/synthetic_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "loaders/model_dir.h"
#include "loaders/params_json.h"

namespace puna::bench {
namespace {

namespace fs = std::filesystem;

class SyntheticModelTest : public ::testing::Test {
 protected:
  SyntheticModelTest() {
    std::string pattern = (fs::temp_directory_path() / "puna-synthetic-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~SyntheticModelTest() override { fs::remove_all(root_); }

  static ModelShape Small() {
    ModelShape shape = KnownShapes()[0];
    shape.dim = 64;
    shape.vocab_size = 512;
    return shape;
  }

  fs::path Write(const std::string& name, const ModelShape& shape, DType dtype, uint64_t seed) const {
    WriteSyntheticModel(root_ / name, shape, dtype, seed, [](uint64_t, uint64_t) {});
    return root_ / name;
  }

  static std::string Bytes(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path root_;
};

TEST_F(SyntheticModelTest, WrittenModelOpensInEveryType) {
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kF32}) {
    const ModelDir dir = OpenModelDir(Write(std::string(Name(dtype)), Small(), dtype, 1));
    EXPECT_EQ(dir.config.dim, 64);
    EXPECT_EQ(dir.weights.output.dtype, dtype);
    EXPECT_EQ(At(dir.weights.norm, 63), 1.0f);
    EXPECT_TRUE(dir.notices.empty());
  }
}

TEST_F(SyntheticModelTest, MatricesHaveMeanZeroAndTheDeviationOfTheirWidth) {
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kF32}) {
    const ModelDir dir = OpenModelDir(Write(std::string(Name(dtype)), Small(), dtype, 7));
    const MatrixView& w = dir.weights.tok_embeddings;
    double sum = 0, squares = 0;
    for (int64_t row = 0; row < w.rows; ++row) {
      for (int64_t col = 0; col < w.cols; ++col) {
        const double value = static_cast<double>(At(w, row, col));
        sum += value;
        squares += value * value;
      }
    }
    const double count = static_cast<double>(w.rows * w.cols);
    EXPECT_NEAR(sum / count, 0.0, 5 * 0.125 / std::sqrt(count));
    EXPECT_NEAR(std::sqrt(squares / count), 0.125, 0.002);
  }
}

TEST_F(SyntheticModelTest, SameSeedWritesTheSameBytesAndAnotherDoesNot) {
  const std::string first = Bytes(Write("a", Small(), DType::kBF16, 1) / "consolidated.00.pth");
  EXPECT_EQ(first, Bytes(Write("b", Small(), DType::kBF16, 1) / "consolidated.00.pth"));
  EXPECT_NE(first, Bytes(Write("c", Small(), DType::kBF16, 2) / "consolidated.00.pth"));
}

TEST_F(SyntheticModelTest, TiedOutputSharesTheEmbeddingsBytes) {
  ModelShape shape = Small();
  shape.tied_output = true;
  const ModelDir dir = OpenModelDir(Write("tied", shape, DType::kBF16, 1));
  EXPECT_EQ(dir.weights.output.data, dir.weights.tok_embeddings.data);
  EXPECT_TRUE(dir.tensors.back().shared);
  const ModelDir untied = OpenModelDir(Write("untied", Small(), DType::kBF16, 1));
  EXPECT_EQ(untied.ParameterCount() - dir.ParameterCount(), 512 * 64);
  EXPECT_EQ(untied.WeightBytes() - dir.WeightBytes(), 512 * 64 * 2);
}

TEST_F(SyntheticModelTest, PartsOfATensorEqualTheWhole) {
  std::vector<std::byte> whole(1000 * 2), part(500 * 2);
  FillRandom(3, 4, 0, 1.0f, DType::kBF16, whole);
  FillRandom(3, 4, 333, 1.0f, DType::kBF16, part);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 666));
}

TEST(ModelShapesTest, ParametersAreThoseOfTheRealModels) {
  const auto parameters = [](std::string_view name) {
    uint64_t count = 0;
    for (const ModelShape& shape : KnownShapes()) {
      if (shape.name != name) continue;
      for (const test::PthTensor& tensor : ModelTensors(shape, DType::kBF16)) {
        count += tensor.shares >= 0 ? 0 : tensor.Bytes() / 2;
      }
    }
    return count;
  };
  EXPECT_EQ(parameters("llama-3.2-1b"), 1'235'814'400u);
  EXPECT_EQ(parameters("llama-3.2-3b"), 3'212'749'824u);
  EXPECT_EQ(parameters("llama-3.1-8b"), 8'030'261'248u);
  EXPECT_EQ(parameters("llama-2-7b"), 6'738'415'616u);
}

TEST(ModelShapesTest, ParamsJsonIsReadByTheLoader) {
  for (const ModelShape& shape : KnownShapes()) {
    const ModelConfig config = ReadParamsJson(ParamsJson(shape)).config;
    EXPECT_EQ(config.dim, shape.dim) << shape.name;
    EXPECT_EQ(config.rope_scaling.has_value(), shape.use_scaled_rope) << shape.name;
  }
}

TEST(SyntheticTokenizerTest, RanksAreConsecutiveAndTheBytesComeFirst) {
  const std::string file = SyntheticTokenizer(128256);
  EXPECT_TRUE(file.starts_with("AA== 0\nAQ== 1\n"));
  EXPECT_TRUE(file.ends_with(" 127999\n"));
  EXPECT_NE(file.find("\nICA= 256\n"), std::string::npos);   // two blanks
  EXPECT_NE(file.find("\nYWFh 9281\n"), std::string::npos);  // "aaa"
}

}  // namespace
}  // namespace puna::bench
