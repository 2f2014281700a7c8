#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "server/base64.h"
#include "tests/server/api_test_support.h"

namespace puna {
namespace {

using nlohmann::json;

constexpr const char* kPath = "/v1/embeddings";

json Body(const json& input, const json& more = json::object()) {
  json body = {{"model", "demo"}, {"input", input}};
  body.update(more);
  return body;
}

// What the scripted model's hidden states come to.
std::vector<double> Expected(const std::vector<TokenId>& tokens) {
  double mean = 0;
  for (const TokenId token : tokens) mean += token;
  mean /= static_cast<double>(tokens.size());
  const double x = 3 * mean + 1;
  const double y = 4 * mean + 1;
  return {x / std::hypot(x, y), y / std::hypot(x, y)};
}

void ExpectNear(const json& embedding, const std::vector<double>& expected) {
  ASSERT_EQ(embedding.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(embedding.at(i).get<double>(), expected[i], 1e-6) << i;
}

TEST(EmbeddingsTest, ATextIsTheMeanOfItsTokensWithoutTheBosScaledToLengthOne) {
  ApiBench api;
  const HttpResponse response = api.Post(kPath, Body("Hello there"));
  ASSERT_EQ(response.status, 200) << response.body;
  const json answer = BodyOf(response);
  EXPECT_EQ(answer.at("object"), "list");
  EXPECT_EQ(answer.at("model"), "demo");
  ASSERT_EQ(answer.at("data").size(), 1u);
  EXPECT_EQ(answer.at("data").at(0).at("object"), "embedding");
  EXPECT_EQ(answer.at("data").at(0).at("index"), 0);
  const auto tokens = api.tokenizer().Encode("Hello there");
  ExpectNear(answer.at("data").at(0).at("embedding"), Expected(tokens));
  const size_t counted = tokens.size() + 1;
  EXPECT_EQ(answer.at("usage"), json({{"prompt_tokens", counted}, {"total_tokens", counted}}));
}

TEST(EmbeddingsTest, EveryFormOfInputAndManyOfThemInTheirOrder) {
  ApiBench api;
  ExpectNear(BodyOf(api.Post(kPath, Body({72, 101}))).at("data").at(0).at("embedding"), Expected({72, 101}));
  json inputs = json::array();
  for (TokenId i = 0; i < 40; ++i) inputs.push_back({i, 2 * i, 500});
  const json answer = BodyOf(api.Post(kPath, Body(inputs)));
  ASSERT_EQ(answer.at("data").size(), 40u);
  for (TokenId i = 0; i < 40; ++i) {
    const json& entry = answer.at("data").at(static_cast<size_t>(i));
    EXPECT_EQ(entry.at("index"), i);
    ExpectNear(entry.at("embedding"), Expected({i, 2 * i, 500}));
  }
  EXPECT_EQ(answer.at("usage").at("prompt_tokens"), 120);
  EXPECT_EQ(BodyOf(api.Post(kPath, Body({"a", "b"}))).at("data").size(), 2u);
}

TEST(EmbeddingsTest, ALongPromptInChunksAndATheSamePromptCachedAreTheSame) {
  ApiBench api;
  std::vector<TokenId> prompt;
  for (int i = 0; i < 512; ++i) prompt.push_back(i % 300);
  const json first = BodyOf(api.Post(kPath, Body(prompt)));
  ExpectNear(first.at("data").at(0).at("embedding"), Expected(prompt));
  EXPECT_EQ(BodyOf(api.Post(kPath, Body(prompt))).at("data"), first.at("data"));
  api.model().Say(prompt.size() - 2, {});
  prompt.resize(prompt.size() - 2);
  EXPECT_EQ(
      api.Post("/v1/completions", json{{"model", "demo"}, {"prompt", prompt}, {"max_tokens", 1}}).status,
      200);
  ExpectNear(BodyOf(api.Post(kPath, Body(prompt))).at("data").at(0).at("embedding"), Expected(prompt));
}

TEST(EmbeddingsTest, Base64HoldsTheSameFloats) {
  ApiBench api;
  const json floats = BodyOf(api.Post(kPath, Body("Hi"))).at("data").at(0).at("embedding");
  const json text =
      BodyOf(api.Post(kPath, Body("Hi", {{"encoding_format", "base64"}}))).at("data").at(0).at("embedding");
  const std::vector<float> values = {floats.at(0).get<float>(), floats.at(1).get<float>()};
  EXPECT_EQ(text, Base64(std::as_bytes(std::span(values))));
}

TEST(EmbeddingsTest, MistakesNameTheField) {
  ApiBench api(/*max_context=*/64);
  const std::vector<TokenId> too_long(65, 7);
  for (const auto& [body, param] : {std::pair{json{{"input", "x"}}, "model"},
                                    {json{{"model", "demo"}}, "input"},
                                    {Body(""), "input"},
                                    {Body({"x", ""}), "input[1]"},
                                    {Body(json::array()), "input"},
                                    {Body(7), "input"},
                                    {Body({1, "x"}), "input[1]"},
                                    {Body({99999}), "input[0]"},
                                    {Body(too_long), "input"},
                                    {Body("x", {{"encoding_format", "binary"}}), "encoding_format"},
                                    {Body("x", {{"encoding_format", 1}}), "encoding_format"},
                                    {Body("x", {{"dimensions", 1}}), "dimensions"},
                                    {Body("x", {{"dimensions", 0}}), "dimensions"},
                                    {Body("x", {{"user", 1}}), "user"}}) {
    const HttpResponse response = api.Post(kPath, body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(BodyOf(response).at("error").at("param"), param) << body;
  }
  EXPECT_EQ(api.Post(kPath, Body("x", {{"dimensions", 2}})).status, 200);
  EXPECT_EQ(api.Post(kPath, json{{"model", "gpt-4"}, {"input", "x"}}).status, 404);
  EXPECT_EQ(api.Post(kPath, Body(std::vector<TokenId>(64, 7))).status, 200) << "it may fill the context";
}

TEST(Base64Test, TheTestVectorsOfRfc4648) {
  const auto encoded = [](std::string_view text) { return Base64(std::as_bytes(std::span(text))); };
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foob"), "Zm9vYg==");
  EXPECT_EQ(encoded("fooba"), "Zm9vYmE=");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
}

}  // namespace
}  // namespace puna
