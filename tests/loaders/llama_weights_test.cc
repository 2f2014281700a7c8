#include "loaders/llama_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "loaders/load_error.h"

namespace puna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

constexpr std::array<std::byte, 4096> kBytes{};

ModelConfig Config() {
  ModelConfig config;
  config.dim = 8;
  config.n_layers = 2;
  config.n_heads = 4;
  config.n_kv_heads = 2;
  config.head_dim = 2;
  config.hidden_dim = 12;
  config.vocab_size = 10;
  return config;
}

NamedTensor Tensor(const std::string& name, std::vector<int64_t> shape, DType dtype = DType::kBF16) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return {.name = name,
          .view = {.dtype = dtype, .shape = std::move(shape), .strides = strides, .data = kBytes.data()}};
}

std::vector<NamedTensor> Llama() {
  std::vector<NamedTensor> tensors{Tensor("tok_embeddings.weight", {10, 8})};
  for (const std::string layer : {"layers.0.", "layers.1."}) {
    tensors.push_back(Tensor(layer + "attention.wq.weight", {8, 8}));
    tensors.push_back(Tensor(layer + "attention.wk.weight", {4, 8}));
    tensors.push_back(Tensor(layer + "attention.wv.weight", {4, 8}));
    tensors.push_back(Tensor(layer + "attention.wo.weight", {8, 8}));
    tensors.push_back(Tensor(layer + "feed_forward.w1.weight", {12, 8}));
    tensors.push_back(Tensor(layer + "feed_forward.w2.weight", {8, 12}));
    tensors.push_back(Tensor(layer + "feed_forward.w3.weight", {12, 8}));
    tensors.push_back(Tensor(layer + "attention_norm.weight", {8}, DType::kF32));
    tensors.push_back(Tensor(layer + "ffn_norm.weight", {8}, DType::kF32));
  }
  tensors.push_back(Tensor("norm.weight", {8}));
  tensors.push_back(Tensor("output.weight", {10, 8}, DType::kF16));
  return tensors;
}

NamedTensor& Named(std::vector<NamedTensor>& tensors, const std::string& name) {
  return *std::find_if(tensors.begin(), tensors.end(), [&](const NamedTensor& t) { return t.name == name; });
}

void ExpectRefused(const std::vector<NamedTensor>& tensors, const std::string& words) {
  ModelConfig config = Config();
  EXPECT_THAT([&] { BindLlamaWeights(tensors, config); }, ThrowsMessage<FormatError>(HasSubstr(words)));
}

TEST(LlamaWeightsTest, EveryTensorIsBoundWithItsShapeAndType) {
  ModelConfig config = Config();
  const BoundWeights bound = BindLlamaWeights(Llama(), config);
  ASSERT_EQ(bound.weights.layers.size(), 2u);
  const LayerWeights& layer = bound.weights.layers[1];
  EXPECT_EQ(layer.wk.rows, 4);
  EXPECT_EQ(layer.wk.cols, 8);
  EXPECT_EQ(layer.w2.cols, 12);
  EXPECT_EQ(layer.attention_norm.dtype, DType::kF32);
  EXPECT_EQ(bound.weights.output.dtype, DType::kF16);
  EXPECT_EQ(bound.weights.tok_embeddings.rows, 10);
  EXPECT_THAT(bound.notices, IsEmpty());
}

TEST(LlamaWeightsTest, MissingOutputIsTiedToTheEmbeddingsAndSaysSo) {
  std::vector<NamedTensor> tensors = Llama();
  tensors.pop_back();
  ModelConfig config = Config();
  const BoundWeights bound = BindLlamaWeights(tensors, config);
  EXPECT_EQ(bound.weights.output.data, bound.weights.tok_embeddings.data);
  EXPECT_EQ(bound.weights.output.dtype, DType::kBF16);
  EXPECT_THAT(bound.notices, ElementsAre(HasSubstr("tied")));
}

TEST(LlamaWeightsTest, OpenVocabularySizeIsTakenFromTheEmbeddings) {
  ModelConfig config = Config();
  config.vocab_size = 0;
  BindLlamaWeights(Llama(), config);
  EXPECT_EQ(config.vocab_size, 10);
}

TEST(LlamaWeightsTest, RopeTableIsKnownAndOtherExtrasAreReported) {
  std::vector<NamedTensor> tensors = Llama();
  tensors.push_back(Tensor("rope.freqs", {1}));
  tensors.push_back(Tensor("adapter\n.weight", {3, 4}));
  ModelConfig config = Config();
  EXPECT_THAT(BindLlamaWeights(tensors, config).notices,
              ElementsAre("tensor 'adapter\\x0A.weight' bf16 [3, 4] is not used"));
}

TEST(LlamaWeightsTest, ManyExtrasAreCountedNotListed) {
  std::vector<NamedTensor> tensors = Llama();
  for (int i = 0; i < 100; ++i) tensors.push_back(Tensor("extra." + std::to_string(i), {1}));
  ModelConfig config = Config();
  const BoundWeights bound = BindLlamaWeights(tensors, config);
  ASSERT_EQ(bound.notices.size(), 9u);
  EXPECT_EQ(bound.notices.back(), "92 more tensors are not used");
}

TEST(LlamaWeightsTest, EveryTensorMissingIsNamed) {
  const std::vector<NamedTensor> all = Llama();
  for (size_t i = 0; i + 1 < all.size(); ++i) {  // the last is output.weight, which may be absent
    std::vector<NamedTensor> tensors = all;
    tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(i));
    ExpectRefused(tensors, "tensor '" + all[i].name + "' is missing");
  }
}

TEST(LlamaWeightsTest, EveryWrongShapeIsNamedWithBothShapes) {
  const std::vector<NamedTensor> all = Llama();
  for (size_t i = 0; i < all.size(); ++i) {
    std::vector<NamedTensor> tensors = all;
    tensors[i].view.shape[0] += 1;
    ExpectRefused(tensors, "tensor '" + all[i].name + "': expected shape");
    ExpectRefused(tensors, "found " + tensors[i].view.ShapeString());
  }
}

TEST(LlamaWeightsTest, HiddenSizeThatDisagreesWithParamsIsNamed) {
  std::vector<NamedTensor> tensors = Llama();
  Named(tensors, "layers.0.feed_forward.w1.weight") = Tensor("layers.0.feed_forward.w1.weight", {16, 8});
  ExpectRefused(tensors, "expected shape [hidden_dim, dim] = [12, 8] by params.json, found [16, 8]");
}

TEST(LlamaWeightsTest, WrongRankIsNamed) {
  std::vector<NamedTensor> tensors = Llama();
  Named(tensors, "norm.weight") = Tensor("norm.weight", {8, 1});
  ExpectRefused(tensors, "tensor 'norm.weight': expected shape [dim] = [8] by params.json, found [8, 1]");
}

TEST(LlamaWeightsTest, OtherProjectsNamesAreRecognised) {
  ExpectRefused({Tensor("model.embed_tokens.weight", {10, 8})}, "Hugging Face's names");
  ExpectRefused({Tensor("text_model.tok_embeddings.weight", {10, 8})}, "image input");
}

}  // namespace
}  // namespace puna
