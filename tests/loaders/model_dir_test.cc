#include "loaders/model_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "loaders/load_error.h"
#include "tests/support/pth_writer.h"
#include "tests/support/tiny_model.h"

namespace puna {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::ThrowsMessage;

fs::path Fixture(const std::string& name) {
  return fs::path(PUNA_SOURCE_DIR) / "tests/loaders/fixtures" / name;
}

// A directory of its own for each test, removed afterwards.
class ModelDirTest : public ::testing::Test {
 protected:
  ModelDirTest() {
    std::string pattern = (fs::temp_directory_path() / "puna-model-dir-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~ModelDirTest() override { fs::remove_all(root_); }

  // A copy of the tiny model to be spoiled.
  fs::path Copy() const {
    const fs::path copy = root_ / "model";
    fs::copy(Fixture("tiny_bf16"), copy);
    return copy;
  }

  static void Write(const fs::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  static void ExpectRefused(const fs::path& path, const std::string& words) {
    EXPECT_THAT([&] { OpenModelDir(path); },
                ThrowsMessage<LoadError>(AllOf(HasSubstr(words), Not(HasSubstr("\n")))));
  }

  fs::path root_;
};

TEST_F(ModelDirTest, DemoModelOpens) {
  const ModelDir dir = OpenModelDir(fs::path(PUNA_SOURCE_DIR) / "models/demo");
  EXPECT_EQ(dir.name, "demo");
  EXPECT_EQ(dir.config.dim, 192);
  EXPECT_EQ(dir.config.hidden_dim, 512);
  EXPECT_EQ(dir.weights.layers.size(), 4u);
  EXPECT_EQ(dir.tensors.size(), 39u);
  EXPECT_EQ(dir.ParameterCount(), 2'361'024);
  EXPECT_EQ(dir.WeightBytes(), 4'722'048);
  EXPECT_EQ(dir.tensors.front().file, "consolidated.00.pth");
  EXPECT_GT(dir.tokenizer_file.bytes().size(), 0u);
  EXPECT_THAT(dir.notices, IsEmpty());
}

TEST_F(ModelDirTest, ViewsStayValidWhenTheModelIsMoved) {
  ModelDir first = OpenModelDir(Fixture("tiny_f32"));
  const std::byte* data = first.weights.output.data;
  const ModelDir second = std::move(first);
  EXPECT_EQ(second.weights.output.data, data);
  EXPECT_EQ(At(second.weights.output, 0, 1), 2.25f);
}

TEST_F(ModelDirTest, EveryTypeOpens) {
  EXPECT_EQ(OpenModelDir(Fixture("tiny_bf16")).weights.layers[1].w1.dtype, DType::kBF16);
  EXPECT_EQ(OpenModelDir(Fixture("tiny_f32")).weights.layers[1].w1.dtype, DType::kF32);
  const ModelDir tied = OpenModelDir(Fixture("tiny_f16_tied"));
  EXPECT_EQ(tied.weights.output.dtype, DType::kF16);
  EXPECT_THAT(tied.notices, ElementsAre(HasSubstr("tied")));
}

TEST_F(ModelDirTest, NameIsTheDirectorysOwn) {
  const fs::path copy = Copy();
  EXPECT_EQ(OpenModelDir(copy.string() + "/").name, "model");
  EXPECT_EQ(OpenModelDir(copy / "." / "").name, "model");
  fs::create_directory(root_ / "Llama-9");
  fs::copy(copy, root_ / "Llama-9" / "original");
  EXPECT_EQ(OpenModelDir(root_ / "Llama-9" / "original").name, "Llama-9");
}

TEST_F(ModelDirTest, PathsThatAreNoModelDirectoryAreNamed) {
  ExpectRefused(root_ / "absent", "no such directory");
  ExpectRefused(Fixture("tiny_bf16") / "params.json", "is a file, expected the directory");
  ExpectRefused(root_, "missing: params.json, tokenizer.model, consolidated.00.pth");
}

TEST_F(ModelDirTest, EachMissingFileIsNamed) {
  for (const std::string name : {"params.json", "tokenizer.model", "consolidated.00.pth"}) {
    const fs::path copy = Copy();
    fs::remove(copy / name);
    ExpectRefused(copy, "missing: " + name);
    fs::remove_all(copy);
  }
}

TEST_F(ModelDirTest, HuggingFaceDirectoryIsRecognised) {
  Write(root_ / "config.json", "{}");
  ExpectRefused(root_, "is a Hugging Face directory");
  fs::copy(Fixture("tiny_bf16"), root_ / "original");
  ExpectRefused(root_, (root_ / "original").string());
}

TEST_F(ModelDirTest, GgufDirectoryIsRecognised) {
  Write(root_ / "model.gguf", "GGUF");
  ExpectRefused(root_, "holds GGUF files");
}

TEST_F(ModelDirTest, ShardsAreOneModelAndNothingIsCountedTwice) {
  const test::TinyModel whole{.dim = 96, .n_heads = 8, .n_kv_heads = 8};
  test::WriteTinyModel(root_ / "whole", whole);
  const ModelDir one = OpenModelDir(root_ / "whole");
  for (const int shards : {2, 4, 8}) {
    test::TinyModel split = whole;
    split.shards = shards;
    for (const bool by_columns : {false, true}) {
      split.embeddings_by_columns = by_columns;
      const fs::path path = root_ / (std::to_string(shards) + (by_columns ? "c" : "r"));
      test::WriteTinyModel(path, split);
      const ModelDir dir = OpenModelDir(path);
      EXPECT_EQ(dir.files.size(), static_cast<size_t>(shards));
      EXPECT_EQ(dir.ParameterCount(), one.ParameterCount());
      EXPECT_EQ(dir.WeightBytes(), one.WeightBytes());
      EXPECT_THAT(dir.notices, IsEmpty());
      const LayerWeights& layer = dir.weights.layers[1];
      EXPECT_EQ(layer.wq.piece_rows, 96 / shards);
      EXPECT_EQ(layer.w2.piece_cols, layer.w2.cols / shards);
      EXPECT_EQ(dir.weights.tok_embeddings.piece_cols > 0, by_columns);
      for (int64_t i = 0; i < 96; ++i) {
        EXPECT_EQ(At(layer.w2, i, i), At(one.weights.layers[1].w2, i, i));
        EXPECT_EQ(At(layer.wk, i, 5), At(one.weights.layers[1].wk, i, 5));
        EXPECT_EQ(At(dir.weights.tok_embeddings, 5, i), At(one.weights.tok_embeddings, 5, i));
      }
    }
  }
}

TEST_F(ModelDirTest, ShardsThatAreNoSetAreNamed) {
  const test::TinyModel four{.dim = 96, .n_heads = 8, .n_kv_heads = 8, .shards = 4};
  const fs::path path = root_ / "model";
  test::WriteTinyModel(path, four);
  fs::rename(path / "consolidated.03.pth", root_ / "last");
  ExpectRefused(path, "expected 1, 2, 4 or 8 files consolidated.NN.pth, found 3");
  fs::rename(path / "consolidated.02.pth", root_ / "third");
  ExpectRefused(path,
                "in 2 pieces by rows or columns, found [128, 96]; are consolidated.NN.pth files missing?");
  fs::rename(root_ / "last", path / "consolidated.03.pth");
  ExpectRefused(path, "consolidated.02.pth is missing, consolidated.03.pth is there");
  fs::rename(root_ / "third", path / "consolidated.02.pth");
  EXPECT_EQ(OpenModelDir(path).files.size(), 4u);

  test::TinyModel other = four;
  other.seed = 2;
  test::WriteTinyModel(root_ / "other", other);
  fs::copy_file(root_ / "other/consolidated.01.pth", path / "consolidated.01.pth",
                fs::copy_options::overwrite_existing);
  ExpectRefused(
      path, "tensor 'norm.weight' in consolidated.01.pth: expected a copy of the one in consolidated.00.pth");
  other.dtype = DType::kF16;
  test::WriteTinyModel(root_ / "other", other);
  fs::copy_file(root_ / "other/consolidated.01.pth", path / "consolidated.01.pth",
                fs::copy_options::overwrite_existing);
  ExpectRefused(path, "tensor 'tok_embeddings.weight' in consolidated.01.pth: expected bf16 [128, 96]");
}

TEST_F(ModelDirTest, ErrorsNameTheFile) {
  const fs::path copy = Copy();
  Write(copy / "params.json", "{\"dim\": \"x\"}");
  ExpectRefused(copy, "params.json: 'dim': expected a whole number");
  Write(copy / "params.json", "");
  ExpectRefused(copy, "params.json: is empty");
}

TEST_F(ModelDirTest, WebPageInPlaceOfAFileIsRecognised) {
  const fs::path copy = Copy();
  Write(copy / "tokenizer.model", "<!DOCTYPE html><html>sign in</html>");
  ExpectRefused(copy, "tokenizer.model: starts like an HTML page");
  fs::copy_file(Fixture("tiny_bf16") / "tokenizer.model", copy / "tokenizer.model",
                fs::copy_options::overwrite_existing);
  Write(copy / "consolidated.00.pth", "version https://git-lfs.github.com/spec/v1\n");
  ExpectRefused(copy, "consolidated.00.pth: is a git-lfs pointer");
}

TEST_F(ModelDirTest, DirectoryInPlaceOfAFileIsRefused) {
  const fs::path copy = Copy();
  fs::remove(copy / "consolidated.00.pth");
  fs::create_directory(copy / "consolidated.00.pth");
  ExpectRefused(copy, "consolidated.00.pth: is a directory, expected a file");
}

TEST_F(ModelDirTest, TruncatedCheckpointIsRefused) {
  const fs::path copy = Copy();
  const fs::path file = copy / "consolidated.00.pth";
  fs::resize_file(file, fs::file_size(file) - 1000);
  ExpectRefused(copy, "a download that stopped early");
  fs::resize_file(file, 5000);
  ExpectRefused(copy, "(found 5000 bytes, expected at least 13728 by params.json)");
}

TEST_F(ModelDirTest, ParamsOfAnotherModelAreNoticedByShape) {
  const fs::path copy = Copy();
  Write(copy / "params.json",
        R"({"dim": 32, "n_layers": 2, "n_heads": 4, "vocab_size": 40, "rope_theta": 500000.0})");
  ExpectRefused(copy,
                "tensor 'tok_embeddings.weight': expected shape [vocab_size, dim] = [40, 32] by params.json, "
                "found [40, 16]");
}

TEST_F(ModelDirTest, ForeignNamesCannotPutControlBytesIntoMessages) {
  const fs::path odd = root_ / "a\nb\x1b[31m";
  fs::create_directory(odd);
  ExpectRefused(odd, "a\\x0Ab\\x1B[31m");
}

// --- a model larger than memory's share of the test
// --------------------------------------------------------------

int64_t AnonymousBytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("RssAnon:")) return std::stoll(line.substr(8)) * 1024;
  }
  return -1;
}

// Llama 3.1 8B with holes for weights: 16 GB of file that take no disk.
void WriteSparse8B(const fs::path& directory) {
  constexpr int64_t kDim = 4096, kKv = 1024, kHidden = 14336, kVocab = 128256;
  std::vector<test::PthTensor> tensors;
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
    tensors.push_back({.name = name + ".weight", .dtype = DType::kBF16, .shape = std::move(shape)});
  };
  add("tok_embeddings", {kVocab, kDim});
  for (int i = 0; i < 32; ++i) {
    const std::string layer = "layers." + std::to_string(i) + ".";
    add(layer + "attention.wq", {kDim, kDim});
    add(layer + "attention.wk", {kKv, kDim});
    add(layer + "attention.wv", {kKv, kDim});
    add(layer + "attention.wo", {kDim, kDim});
    add(layer + "feed_forward.w1", {kHidden, kDim});
    add(layer + "feed_forward.w2", {kDim, kHidden});
    add(layer + "feed_forward.w3", {kHidden, kDim});
    add(layer + "attention_norm", {kDim});
    add(layer + "ffn_norm", {kDim});
  }
  add("norm", {kDim});
  add("output", {kVocab, kDim});
  test::PthWriter writer(directory / "consolidated.00.pth", tensors);
  for (size_t i = 0; i < tensors.size(); ++i) writer.SkipStorage();
  writer.Finish();
}

TEST_F(ModelDirTest, AnonymousMemoryDoesNotGrowWithTheWeights) {
  Write(
      root_ / "params.json",
      R"({"dim": 4096, "n_layers": 32, "n_heads": 32, "n_kv_heads": 8, "vocab_size": 128256, "multiple_of": 1024,
            "ffn_dim_multiplier": 1.3, "norm_eps": 1e-05, "rope_theta": 500000.0, "use_scaled_rope": true})");
  Write(root_ / "tokenizer.model", "IQ== 0\n");
  WriteSparse8B(root_);
  const int64_t before = AnonymousBytes();
  ASSERT_GT(before, 0);
  const ModelDir dir = OpenModelDir(root_);
  const int64_t after = AnonymousBytes();
  EXPECT_EQ(dir.ParameterCount(), 8'030'261'248);
  EXPECT_EQ(dir.WeightBytes(), 16'060'522'496);
  EXPECT_GT(dir.files[0].bytes().size(), size_t{16'060'522'496});
  EXPECT_LT(after - before, 8 << 20);
}

}  // namespace
}  // namespace puna
