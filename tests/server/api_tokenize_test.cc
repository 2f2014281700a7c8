#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/api_test_support.h"

namespace puna {
namespace {

using nlohmann::json;

std::vector<TokenId> WithBos(const ApiBench& api, std::vector<TokenId> tokens) {
  tokens.insert(tokens.begin(), api.tokenizer().bos());
  return tokens;
}

const json kMessages = {{{"role", "system"}, {"content", " Be brief. "}},
                        {{"role", "user"}, {"content", "<|eot_id|> 🗽"}}};

TEST(TokenizeTest, ContentIsPlainAndAPromptHasABosInFront) {
  ApiBench api;
  const auto tokens = api.tokenizer().Encode("Hi 🗽");
  const json plain = BodyOf(api.Post("/tokenize", json{{"content", "Hi 🗽"}}));
  EXPECT_EQ(plain.at("tokens"), json(tokens));
  EXPECT_EQ(plain.at("count"), tokens.size());
  EXPECT_EQ(plain.at("max_model_len"), 512);
  EXPECT_TRUE(plain.at("token_strs").is_null());
  const json prompt = BodyOf(api.Post("/tokenize", json{{"model", "demo"}, {"prompt", "Hi 🗽"}}));
  EXPECT_EQ(prompt.at("tokens"), json(WithBos(api, tokens)));
  for (const json& body : {json{{"content", "Hi 🗽"}, {"add_special", true}},
                           json{{"content", "Hi 🗽"}, {"add_special_tokens", true}}})
    EXPECT_EQ(BodyOf(api.Post("/tokenize", body)).at("tokens"), json(WithBos(api, tokens)));
  EXPECT_EQ(
      BodyOf(api.Post("/tokenize", json{{"prompt", "Hi 🗽"}, {"add_special_tokens", false}})).at("tokens"),
      json(tokens));
}

TEST(TokenizeTest, PiecesAreTextOrBytes) {
  ApiBench api;
  const json answer = BodyOf(
      api.Post("/tokenize", json{{"content", "Hi 🗽"}, {"with_pieces", true}, {"return_token_strs", true}}));
  const auto tokens = api.tokenizer().Encode("Hi 🗽");
  ASSERT_EQ(answer.at("tokens").size(), tokens.size());
  std::string bytes;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const json& entry = answer.at("tokens").at(i);
    EXPECT_EQ(entry.at("id"), tokens[i]);
    if (entry.at("piece").is_string()) {
      bytes += entry.at("piece").get<std::string>();
      EXPECT_EQ(answer.at("token_strs").at(i), entry.at("piece"));
    } else {
      for (const json& byte : entry.at("piece")) bytes.push_back(static_cast<char>(byte.get<int>()));
    }
  }
  EXPECT_EQ(bytes, "Hi 🗽");
}

TEST(TokenizeTest, AChatIsThePromptItBecomes) {
  ApiBench api;
  const json whole = BodyOf(api.Post("/tokenize", json{{"messages", kMessages}}));
  ASSERT_EQ(
      api.Post("/v1/chat/completions", json{{"model", "demo"}, {"messages", kMessages}, {"max_tokens", 1}})
          .status,
      200);
  const json answer = BodyOf(api.Post(
      "/v1/chat/completions",
      json{{"model", "demo"}, {"messages", kMessages}, {"max_tokens", 1}, {"return_token_ids", true}}));
  EXPECT_EQ(whole.at("tokens"), answer.at("prompt_token_ids"));
  const json open =
      BodyOf(api.Post("/tokenize", json{{"messages", kMessages}, {"add_generation_prompt", false}}));
  EXPECT_EQ(open.at("tokens").back(), *api.tokenizer().Special("<|eot_id|>"));
}

TEST(DetokenizeTest, TextComesBackAndSpecialTokensByName) {
  ApiBench api;
  const auto tokens = WithBos(api, api.tokenizer().Encode("Hi 🗽"));
  const json answer = BodyOf(api.Post("/detokenize", json{{"tokens", tokens}}));
  EXPECT_EQ(answer.at("content"), "<|begin_of_text|>Hi 🗽");
  EXPECT_EQ(answer.at("prompt"), answer.at("content"));
  EXPECT_EQ(BodyOf(api.Post("/detokenize", json{{"tokens", json::array()}})).at("content"), "");
  const auto pieces = api.tokenizer().Encode("🗽");
  EXPECT_EQ(BodyOf(api.Post("/detokenize", json{{"tokens", {pieces.at(0)}}})).at("content"), "\uFFFD");
}

TEST(ApplyTemplateTest, AChatAsText) {
  ApiBench api;
  EXPECT_EQ(BodyOf(api.Post("/apply-template", json{{"messages", kMessages}})).at("prompt"),
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\n<|eot_id|> 🗽<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
}

TEST(ApplyTemplateTest, ToolsStandInThePromptAsInAChat) {
  ApiBench api;
  const json tool =
      json::parse(R"({"type":"function","function":{"name":"f","parameters":{"type":"object"}}})");
  json body = {{"messages", kMessages}, {"tools", {tool}}};
  const auto text = BodyOf(api.Post("/apply-template", body)).at("prompt").get<std::string>();
  EXPECT_THAT(text, testing::HasSubstr("Environment: ipython"));
  EXPECT_THAT(text, testing::HasSubstr("\"name\": \"f\""));
  const json tokens = BodyOf(api.Post("/tokenize", body)).at("tokens");
  json chat = body;
  chat.update({{"model", "demo"}, {"max_tokens", 1}, {"return_token_ids", true}});
  EXPECT_EQ(tokens, BodyOf(api.Post("/v1/chat/completions", chat)).at("prompt_token_ids"));
  body["tool_choice"] = "none";
  EXPECT_THAT(BodyOf(api.Post("/apply-template", body)).at("prompt").get<std::string>(),
              testing::Not(testing::HasSubstr("ipython")));
  EXPECT_EQ(BodyOf(api.Post("/apply-template", json{{"messages", kMessages}, {"tools", {1}}}))
                .at("error")
                .at("param"),
            "tools[0]");
}

TEST(TokenizeTest, MistakesNameTheField) {
  ApiBench api;
  for (const auto& [path, body, param] :
       {std::tuple{"/tokenize", R"({})", "content"},
        {"/tokenize", R"({"content": 1})", "content"},
        {"/tokenize", R"({"prompt": ["x"]})", "prompt"},
        {"/tokenize", R"({"content": "x", "add_special": 1})", "add_special"},
        {"/tokenize", R"({"content": "x", "parse_special": true})", "parse_special"},
        {"/tokenize", R"({"content": "x", "with_pieces": "y"})", "with_pieces"},
        {"/tokenize", R"({"messages": []})", "messages"},
        {"/tokenize", R"({"messages": [{"role": "user"}]})", "messages[0].content"},
        {"/detokenize", R"({})", "tokens"},
        {"/detokenize", R"({"tokens": "x"})", "tokens"},
        {"/detokenize", R"({"tokens": [1, "x"]})", "tokens[1]"},
        {"/detokenize", R"({"tokens": [2048000]})", "tokens[0]"},
        {"/detokenize", R"({"tokens": [-1]})", "tokens[0]"},
        {"/apply-template", R"({})", "messages"},
        {"/apply-template", R"({"messages": 1})", "messages"},
        {"/apply-template", R"({"messages": [], "model": 1})", "model"}}) {
    const HttpResponse response = api.Post(path, std::string(body));
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(BodyOf(response).at("error").at("param"), param) << body;
  }
  EXPECT_EQ(api.Post("/tokenize", json{{"content", "x"}, {"model", "gpt-4"}}).status, 404);
}

TEST(TokenizeTest, NeedsTheKeyAndWorksWhileTheServerDrains) {
  ApiBench api(512, 64, {"key"});
  for (const char* path : {"/tokenize", "/detokenize", "/apply-template"})
    EXPECT_EQ(api.Post(path, std::string("{}")).status, 401) << path;
  api.served().draining = true;
  EXPECT_EQ(api.Post("/tokenize", R"({"content": "x"})", "Bearer key").status, 200);
}

}  // namespace
}  // namespace puna
