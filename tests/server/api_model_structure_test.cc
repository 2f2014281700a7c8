#include <gtest/gtest.h>

#include "tests/server/api_test_support.h"

namespace puna {
namespace {

using json = nlohmann::json;

ModelStructure TwoTensors() {
  ModelStructure structure;
  structure.config.dim = 8;
  structure.config.n_layers = 1;
  structure.config.n_heads = 4;
  structure.config.n_kv_heads = 2;
  structure.tensors = {{"tok_embeddings.weight", "bf16", {10, 8}, 80, 160, false},
                       {"output.weight", "bf16", {10, 8}, 80, 160, true}};
  structure.kv_bytes_per_token = 32;
  structure.kv_tokens = 320;
  structure.threads = 3;
  structure.instruction_set = "avx2";
  return structure;
}

TEST(ModelStructureTest, SaysWhatTheModelIsMadeOf) {
  ApiBench api;
  api.served().structure = TwoTensors();
  api.served().details = {.parameters = 80, .bytes = 160, .trained_context = 64, .embedding_length = 8};
  const json model = BodyOf(api.Get("/model"));
  EXPECT_EQ(model.at("id"), "demo");
  EXPECT_EQ(model.at("parameters"), 80);
  EXPECT_EQ(model.at("bytes"), 160);
  EXPECT_EQ(model.at("context_length"), 512);
  EXPECT_EQ(model.at("config").at("n_kv_heads"), 2);
  EXPECT_TRUE(model.at("config").at("rope_scaling").is_null());
  EXPECT_EQ(model.at("kv_cache"), (json{{"type", "f32"}, {"bytes_per_token", 32}, {"tokens", 320}}));
  EXPECT_EQ(model.at("threads"), 3);
  EXPECT_EQ(model.at("instruction_set"), "avx2");
  ASSERT_EQ(model.at("tensors").size(), 2u);
  EXPECT_EQ(model.at("tensors")[1], (json{{"name", "output.weight"},
                                          {"type", "bf16"},
                                          {"shape", {10, 8}},
                                          {"parameters", 80},
                                          {"bytes", 160},
                                          {"shared", true}}));
}

TEST(ModelStructureTest, ScalingOfPositionsIsNamedWhereTheModelHasIt) {
  ApiBench api;
  api.served().structure.config.rope_scaling = RopeScaling();
  const json scaling = BodyOf(api.Get("/model")).at("config").at("rope_scaling");
  EXPECT_EQ(scaling.at("factor"), 8.0);
  EXPECT_EQ(scaling.at("original_context"), 8192.0);
}

// A checkpoint may name its tensors as it likes.
TEST(ModelStructureTest, NamesThatAreNoTextAreEscaped) {
  ApiBench api;
  api.served().structure.tensors = {{"a\xff\n", "f32", {1}, 1, 4, false}};
  EXPECT_EQ(BodyOf(api.Get("/model")).at("tensors")[0].at("name"), Printable("a\xff\n"));
}

TEST(ModelStructureTest, NeedsTheKey) {
  ApiBench api(512, 64, {"key"});
  EXPECT_EQ(api.Get("/model").status, 401);
  EXPECT_EQ(api.Get("/model", "Bearer key").status, 200);
}

TEST(ModelStructureTest, IsRefusedWhileTheModelIsLoaded) {
  ApiBench api;
  api.state().model = nullptr;
  const HttpResponse response = api.Get("/model");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(BodyOf(response).at("error").at("code"), "model_loading");
}

}  // namespace
}  // namespace puna
