#include "loaders/params_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "loaders/load_error.h"

namespace puna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

// Meta's files, as the model cards print them.
constexpr std::string_view kLlama3_8B =
    R"({"dim": 4096, "n_layers": 32, "n_heads": 32, "n_kv_heads": 8, "vocab_size": 128256, "multiple_of": 1024,
        "ffn_dim_multiplier": 1.3, "norm_eps": 1e-05, "rope_theta": 500000.0})";
constexpr std::string_view kLlama31_8B =
    R"({"dim": 4096, "n_layers": 32, "n_heads": 32, "n_kv_heads": 8, "vocab_size": 128256, "ffn_dim_multiplier": 1.3,
        "multiple_of": 1024, "norm_eps": 1e-05, "rope_theta": 500000.0, "use_scaled_rope": true})";
constexpr std::string_view kLlama32_1B =
    R"({"dim": 2048, "n_layers": 16, "n_heads": 32, "n_kv_heads": 8, "vocab_size": 128256, "ffn_dim_multiplier": 1.5,
        "multiple_of": 256, "norm_eps": 1e-05, "rope_theta": 500000.0, "use_scaled_rope": true})";
constexpr std::string_view kLlama32_3B =
    R"({"dim": 3072, "n_layers": 28, "n_heads": 24, "n_kv_heads": 8, "vocab_size": 128256, "ffn_dim_multiplier": 1.0,
        "multiple_of": 256, "norm_eps": 1e-05, "rope_theta": 500000.0, "use_scaled_rope": true})";
constexpr std::string_view kLlama33_70B =
    R"({"dim": 8192, "n_layers": 80, "n_heads": 64, "n_kv_heads": 8, "vocab_size": 128256, "ffn_dim_multiplier": 1.3,
        "multiple_of": 4096, "norm_eps": 1e-05, "rope_theta": 500000.0, "use_scaled_rope": true})";
constexpr std::string_view kLlama2_7B =
    R"({"dim": 4096, "multiple_of": 256, "n_heads": 32, "n_layers": 32, "norm_eps": 1e-05, "vocab_size": -1})";

TEST(ParamsJsonTest, Llama3IsRead) {
  const ModelParams params = ReadParamsJson(kLlama3_8B);
  const ModelConfig& c = params.config;
  EXPECT_EQ(c.dim, 4096);
  EXPECT_EQ(c.n_layers, 32);
  EXPECT_EQ(c.n_heads, 32);
  EXPECT_EQ(c.n_kv_heads, 8);
  EXPECT_EQ(c.head_dim, 128);
  EXPECT_EQ(c.hidden_dim, 14336);
  EXPECT_EQ(c.vocab_size, 128256);
  EXPECT_EQ(c.norm_eps, 1e-5f);
  EXPECT_EQ(c.rope_theta, 500000.0f);
  EXPECT_FALSE(c.rope_scaling.has_value());
  EXPECT_EQ(c.max_context, 8192);
  EXPECT_THAT(params.notices, IsEmpty());
}

TEST(ParamsJsonTest, Llama31ScalesRopeByEight) {
  const ModelParams params = ReadParamsJson(kLlama31_8B);
  ASSERT_TRUE(params.config.rope_scaling.has_value());
  EXPECT_EQ(params.config.rope_scaling->factor, 8.0f);
  EXPECT_EQ(params.config.max_context, 131072);
  EXPECT_THAT(params.notices, IsEmpty());
}

TEST(ParamsJsonTest, SmallLlama32ScalesRopeByThirtyTwoAndSaysSo) {
  for (const std::string_view json : {kLlama32_1B, kLlama32_3B}) {
    const ModelParams params = ReadParamsJson(json);
    EXPECT_EQ(params.config.rope_scaling->factor, 32.0f);
    EXPECT_THAT(params.notices, ElementsAre(HasSubstr("scaled by 32")));
  }
}

TEST(ParamsJsonTest, HiddenSizesAreMetas) {
  EXPECT_EQ(ReadParamsJson(kLlama32_1B).config.hidden_dim, 8192);
  EXPECT_EQ(ReadParamsJson(kLlama32_3B).config.hidden_dim, 8192);
  EXPECT_EQ(ReadParamsJson(kLlama33_70B).config.hidden_dim, 28672);
  EXPECT_EQ(ReadParamsJson(kLlama2_7B).config.hidden_dim, 11008);
  EXPECT_EQ(FeedForwardSize(192, 0.9, 64), 512);
  EXPECT_EQ(FeedForwardSize(16384, 1.2, 4096), 53248);  // Llama 3.1 405B
  EXPECT_EQ(FeedForwardSize(1 << 17, 1e3, 1), 0);
}

TEST(ParamsJsonTest, Llama2LeavesTheVocabularyOpenAndHasAShorterContext) {
  const ModelParams params = ReadParamsJson(kLlama2_7B, LlamaGeneration::kOneOrTwo);
  EXPECT_EQ(params.config.vocab_size, 0);
  EXPECT_EQ(params.config.n_kv_heads, 32);
  EXPECT_EQ(params.config.rope_theta, 10000.0f);
  EXPECT_EQ(params.config.max_context, 4096);
  EXPECT_THAT(params.notices, ElementsAre(HasSubstr("'rope_theta' is absent")));
}

TEST(ParamsJsonTest, AMissingRopeThetaMeansWhatTheGenerationMeans) {
  const ModelParams three = ReadParamsJson(kLlama2_7B, LlamaGeneration::kThree);
  EXPECT_EQ(three.config.rope_theta, 500000.0f);
  EXPECT_EQ(three.config.max_context, 8192);
  EXPECT_THAT(three.notices, ElementsAre(HasSubstr("as in Llama 3")));
}

TEST(ParamsJsonTest, CodeLlamaHasALargerThetaAndContext) {
  const ModelParams params = ReadParamsJson(
      R"({"dim": 4096, "n_layers": 32, "n_heads": 32, "multiple_of": 256, "ffn_dim_multiplier": 1.0,
          "norm_eps": 1e-5, "rope_theta": 1000000})",
      LlamaGeneration::kOneOrTwo);
  EXPECT_EQ(params.config.hidden_dim, 11008);
  EXPECT_EQ(params.config.vocab_size, 0);
  EXPECT_EQ(params.config.rope_theta, 1e6f);
  EXPECT_EQ(params.config.max_context, 16384);
  EXPECT_THAT(params.notices, IsEmpty());
}

TEST(ParamsJsonTest, FieldsMayBeWrappedInAModelKey) {
  EXPECT_EQ(ReadParamsJson("{\"model\": " + std::string(kLlama3_8B) + "}").config.hidden_dim, 14336);
}

TEST(ParamsJsonTest, EmptyArgumentsOfNewerReleasesMeanNothing) {
  std::string json(kLlama31_8B);
  json.insert(json.size() - 1, R"(, "quantization_args": null, "lora_args": null, "vision_chunk_size": -1)");
  EXPECT_THAT(ReadParamsJson(json).notices, IsEmpty());
}

TEST(ParamsJsonTest, UnknownKeysAreReportedNotFatal) {
  std::string json(kLlama31_8B);
  json.insert(json.size() - 1, R"(, "colour": {"a": [1]}, "max_seq_len": 512, "bell\u0007": 1)");
  EXPECT_THAT(ReadParamsJson(json).notices,
              ::testing::UnorderedElementsAre(HasSubstr("unknown key 'colour'"), HasSubstr("'max_seq_len'"),
                                              HasSubstr("'bell\\x07'")));
}

struct HostileParams {
  std::string title;
  std::string key;    // replaced in a good file ("" keeps it)
  std::string value;  // empty removes the key
  std::string words;
};

// Llama 3.1 8B with one key changed.
std::string WithKey(const std::string& key, const std::string& value) {
  std::string json(kLlama31_8B);
  const size_t at = json.find("\"" + key + "\":");
  if (at == std::string::npos) return json.insert(json.size() - 1, ", \"" + key + "\": " + value);
  size_t end = json.find_first_of(",}", at);
  if (value.empty()) return json.erase(at, end + 1 - at);
  return json.replace(at, end - at, "\"" + key + "\": " + value);
}

class HostileParamsTest : public ::testing::TestWithParam<HostileParams> {};

TEST_P(HostileParamsTest, IsRefusedNamingTheKey) {
  const std::string json = WithKey(GetParam().key, GetParam().value);
  EXPECT_THAT([&] { ReadParamsJson(json); }, ThrowsMessage<FormatError>(HasSubstr(GetParam().words)));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, HostileParamsTest,
    ::testing::Values(
        HostileParams{"DimMissing", "dim", "", "'dim' is missing"},
        HostileParams{"DimNull", "dim", "null", "'dim' is missing"},
        HostileParams{"DimText", "dim", "\"4096\"",
                      "'dim': expected a whole number from 1 to 131072, found \"4096\""},
        HostileParams{"DimReal", "dim", "4096.0", "'dim': expected a whole number"},
        HostileParams{"DimZero", "dim", "0", "'dim': expected a whole number"},
        HostileParams{"DimNegative", "dim", "-4096", "found -4096"},
        HostileParams{"DimHuge", "dim", "18446744073709551615", "found 18446744073709551615"},
        HostileParams{"DimBeyond64Bits", "dim", "1e400", "is not valid JSON"},
        HostileParams{"LayersMissing", "n_layers", "", "'n_layers' is missing"},
        HostileParams{"LayersHuge", "n_layers", "1000000",
                      "'n_layers': expected a whole number from 1 to 4096"},
        HostileParams{"HeadsZero", "n_heads", "0", "'n_heads'"},
        HostileParams{"HeadsDoNotDivide", "n_heads", "48", "'n_heads' 48 does not divide 'dim' 4096"},
        HostileParams{"KvHeadsDoNotDivide", "n_kv_heads", "5", "'n_kv_heads' 5 does not divide 'n_heads' 32"},
        HostileParams{"KvHeadsMoreThanHeads", "n_kv_heads", "64", "'n_kv_heads' 64"},
        HostileParams{"OddHeadSize", "n_heads", "4096", "expected an even number"},
        HostileParams{"VocabularyNegative", "vocab_size", "-2", "'vocab_size'"},
        HostileParams{"MultipleOfZero", "multiple_of", "0", "'multiple_of'"},
        HostileParams{"MultiplierNegative", "ffn_dim_multiplier", "-1.0", "'ffn_dim_multiplier'"},
        HostileParams{"MultiplierBool", "ffn_dim_multiplier", "true",
                      "'ffn_dim_multiplier': expected a number"},
        HostileParams{"EpsilonZero", "norm_eps", "0", "'norm_eps'"},
        HostileParams{"EpsilonText", "norm_eps", "\"1e-5\"", "'norm_eps': expected a number"},
        HostileParams{"ThetaZero", "rope_theta", "0", "'rope_theta'"},
        HostileParams{"ThetaList", "rope_theta", "[]", "'rope_theta': expected a number"},
        HostileParams{"ScaledRopeNumber", "use_scaled_rope", "1",
                      "'use_scaled_rope': expected true or false, found 1"},
        HostileParams{"ScalingFactorZero", "rope_scaling_factor", "0", "'rope_scaling_factor'"},
        HostileParams{"Vision", "vision_chunk_size", "448", "image input"},
        HostileParams{"Quantized", "quantization_args", R"({"group_size": 32, "spinquant": true})",
                      "quantized checkpoints"},
        HostileParams{"Lora", "lora_args", R"({"rank": 16, "scale": 2.0})", "LoRA adapters"},
        HostileParams{"MixtureOfExperts", "moe_args", R"({"num_experts": 16})", "mixture-of-experts"},
        HostileParams{"HuggingFaceKeys", "hidden_size", "4096", "Hugging Face's keys"},
        HostileParams{"KeyTwice", "x\": 1, \"x", "2", "key 'x' occurs twice"}),
    [](const auto& kind) { return kind.param.title; });

TEST(ParamsJsonTest, HiddenSizeBeyondAnyModelIsRefused) {
  EXPECT_THAT(
      [] { ReadParamsJson(R"({"dim": 131072, "n_layers": 1, "n_heads": 64, "ffn_dim_multiplier": 1000})"); },
      ThrowsMessage<FormatError>(
          HasSubstr("'ffn_dim_multiplier' 1000 and 'multiple_of' 256 give no usable")));
}

TEST(ParamsJsonTest, TextThatIsNoJsonObjectIsRefused) {
  for (const std::string text : {"", "{", "{\"dim\": 1", "not json", "\xff\xfe", "{\"dim\": NaN}", "{} {}"}) {
    EXPECT_THAT([&] { ReadParamsJson(text); }, ThrowsMessage<FormatError>(HasSubstr("is not valid JSON")))
        << text;
  }
  EXPECT_THAT([] { ReadParamsJson("[1, 2]"); },
              ThrowsMessage<FormatError>(HasSubstr("expected an object, found [1,2]")));
}

TEST(ParamsJsonTest, DeepNestingIsRefusedWithoutRecursion) {
  EXPECT_THAT([] { ReadParamsJson("{\"a\":" + std::string(500'000, '[')); },
              ThrowsMessage<FormatError>(HasSubstr("levels of nesting")));
}

TEST(ParamsJsonTest, LargeFileIsRefusedUnread) {
  EXPECT_THAT([] { ReadParamsJson(std::string(2u << 20, ' ')); },
              ThrowsMessage<FormatError>(HasSubstr("at most")));
}

}  // namespace
}  // namespace puna
