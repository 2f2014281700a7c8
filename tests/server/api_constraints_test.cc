#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "server/api/tool_call_reader.h"
#include "server/api/tools.h"
#include "tests/server/api_test_support.h"
#include "tokenizer/chat_format.h"

namespace puna {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kChat = "/v1/chat/completions";

json Weather() {
  return json::parse(
      R"({"type": "function", "function": {"name": "get_weather", "description": "The weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
                   "required": ["city"], "additionalProperties": false}}})");
}

json ChatBody(json more) {
  json body = {{"model", "demo"}, {"messages", {{{"role", "user"}, {"content", "Hi"}}}}, {"max_tokens", 60}};
  body.update(more);
  return body;
}

// Makes the model answer the chat so, whatever its prompt is; `special` comes first.
void Say(ApiBench& api, const json& body, const std::string& answer, const char* special = nullptr) {
  json question = body;
  question["max_tokens"] = 1;
  question.erase("stream");
  const auto counted = BodyOf(api.Post(kChat, question));
  ASSERT_TRUE(counted.contains("usage")) << counted.dump();
  std::vector<TokenId> tokens = api.tokenizer().Encode(answer);
  if (special != nullptr) tokens.insert(tokens.begin(), *api.tokenizer().Special(special));
  api.model().Say(counted["usage"]["prompt_tokens"].get<size_t>(), tokens);
}

json Choice(ApiBench& api, const json& body) {
  const auto answer = BodyOf(api.Post(kChat, body));
  return answer.contains("choices") ? answer["choices"][0] : answer;
}

json Format(const char* schema) {
  return {{"response_format",
           {{"type", "json_schema"}, {"json_schema", {{"name", "a"}, {"schema", json::parse(schema)}}}}}};
}

TEST(ConstrainedAnswerTest, WhatTheSchemaAllowsIsSaidAndTheAnswerEndsWithIt) {
  ApiBench api;
  const json body = ChatBody(Format(
      R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false})"));
  Say(api, body, R"({"a": 15} and then some more)");
  const json choice = Choice(api, body);
  EXPECT_EQ(choice["message"]["content"], R"({"a": 15})");
  EXPECT_EQ(choice["finish_reason"], "stop");
}

TEST(ConstrainedAnswerTest, WhatItDoesNotAllowIsNotSaidHoweverMuchTheModelWantsTo) {
  ApiBench api;
  const json body = ChatBody(Format(R"({"enum":["red","green"]})"));
  Say(api, body, "Certainly! The colour is blue.");
  const auto content = Choice(api, body)["message"]["content"].get<std::string>();
  EXPECT_THAT(content, testing::AnyOf("\"red\"", "\"green\""));
}

TEST(ConstrainedAnswerTest, TheLimitOfTokensWithinJsonIsALength) {
  ApiBench api;
  json body = ChatBody({{"response_format", {{"type", "json_object"}}}});
  Say(api, body, R"({"story": "once upon a time there was"})");
  body["max_tokens"] = 5;
  const json choice = Choice(api, body);
  EXPECT_EQ(choice["finish_reason"], "length");
  EXPECT_THAT(choice["message"]["content"].get<std::string>(), testing::StartsWith("{\"story"));
}

TEST(ConstrainedAnswerTest, TheLastTokenOfAWholeAnswerIsNoLength) {
  ApiBench api;
  json body = {{"model", "demo"}, {"prompt", "x"}, {"max_tokens", 1}, {"guided_choice", {"a", "b"}}};
  const auto answer = BodyOf(api.Post("/v1/completions", body));
  EXPECT_EQ(answer["choices"][0]["text"], "a");
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "stop");
}

TEST(ConstrainedAnswerTest, PatternsGrammarsAndSchemasOfTheExtensions) {
  ApiBench api;
  const auto text = [&api](json more) {
    json body = {{"model", "demo"}, {"prompt", "x"}, {"max_tokens", 20}};
    body.update(more);
    const auto answer = BodyOf(api.Post("/v1/completions", body));
    return answer.contains("choices") ? answer["choices"][0]["text"].get<std::string>() : answer.dump();
  };
  EXPECT_THAT(text({{"guided_regex", "[xy]{3}"}}), testing::MatchesRegex("[xy][xy][xy]"));
  EXPECT_EQ(text({{"grammar", "root ::= \"yes\" [!]"}}), "yes!");
  EXPECT_EQ(text({{"guided_json", {{"const", 5}}}}), "5");
  EXPECT_EQ(text({{"guided_json", "{\"const\": true}"}}), "true");
}

TEST(ConstrainedAnswerTest, WhatCannotBeEnforcedIsRefusedWithItsPlace) {
  ApiBench api;
  const auto refused = [&api](json more) {
    return BodyOf(api.Post(kChat, ChatBody(std::move(more))))["error"];
  };
  const json keyword = refused(Format(R"({"type":"object","properties":{"a":{"not":{}}}})"));
  EXPECT_EQ(keyword["param"], "response_format.json_schema.schema.properties.a.not");
  EXPECT_THAT(keyword["message"].get<std::string>(), HasSubstr("'not' is not supported"));
  EXPECT_EQ(refused({{"guided_regex", "(?=x)"}})["param"], "guided_regex");
  EXPECT_EQ(refused({{"grammar", "root ::= root"}})["param"], "grammar");
  json tool = Weather();
  tool["function"]["parameters"]["properties"]["city"]["format"] = "idn-email";
  EXPECT_EQ(refused({{"tools", {tool}}})["param"], "tools[0].function.parameters.properties.city.format");
  EXPECT_EQ(refused({{"guided_regex", "x"}, {"ignore_eos", true}})["param"], "ignore_eos");
}

TEST(ToolsTest, ACallIsGivenBackAsOneWithItsArguments) {
  for (const char* special : {static_cast<const char*>(nullptr), "<|python_tag|>"}) {
    ApiBench api;
    const json body = ChatBody({{"tools", {Weather()}}});
    Say(api, body, R"({"name": "get_weather", "parameters": {"city": "Par\"is", "days": 3}})", special);
    const json choice = Choice(api, body);
    ASSERT_EQ(choice["finish_reason"], "tool_calls") << choice.dump();
    EXPECT_TRUE(choice["message"]["content"].is_null());
    const json call = choice["message"]["tool_calls"].at(0);
    EXPECT_EQ(call["type"], "function");
    EXPECT_THAT(call["id"].get<std::string>(), testing::StartsWith("call_"));
    EXPECT_EQ(call["function"]["name"], "get_weather");
    EXPECT_EQ(call["function"]["arguments"], R"({"city": "Par\"is", "days": 3})");
  }
}

TEST(ToolsTest, TextStaysTextWhereTheModelDecides) {
  for (const char* text :
       {"It is sunny.", "{\"weather\": \"sunny\"} is my answer", "{ 1, 2 }", "{", "{\"nam"}) {
    ApiBench api;
    const json body = ChatBody({{"tools", {Weather()}}});
    Say(api, body, text);
    const json choice = Choice(api, body);
    EXPECT_EQ(choice["message"]["content"], text);
    EXPECT_FALSE(choice["message"].contains("tool_calls"));
    EXPECT_EQ(choice["finish_reason"], "stop");
  }
}

TEST(ToolsTest, ACallThatIsRequiredIsMadeWhateverTheModelWouldSay) {
  json other = Weather();
  other["function"]["name"] = "other";
  const json named = {{"type", "function"}, {"function", {{"name", "other"}}}};
  for (const json& choice_of : {json("required"), named}) {
    ApiBench api(1024);
    const json body = ChatBody({{"tools", {Weather(), other}},
                                {"tool_choice", choice_of},
                                {"parallel_tool_calls", false},
                                {"max_tokens", 200}});
    Say(api, body, "I would rather not.");
    const json choice = Choice(api, body);
    ASSERT_TRUE(choice["message"].contains("tool_calls")) << choice.dump();
    const json function = choice["message"]["tool_calls"].at(0)["function"];
    if (choice_of.is_object()) {
      EXPECT_EQ(function["name"], "other");
    }
  }
}

TEST(ToolsTest, SeveralCallsOnlyIfTheyMayBeParallel) {
  const std::string calls =
      R"({"name": "get_weather", "parameters": {"city": "A"}}; {"name": "get_weather", "parameters": {"city": "B"}})";
  for (const bool parallel : {true, false}) {
    ApiBench api;
    const json body = ChatBody({{"tools", {Weather()}}, {"parallel_tool_calls", parallel}});
    Say(api, body, calls);
    const json made = Choice(api, body)["message"]["tool_calls"];
    ASSERT_EQ(made.size(), parallel ? 2u : 1u);
    if (!parallel) continue;
    EXPECT_NE(made[0]["id"], made[1]["id"]);
    EXPECT_EQ(made[1]["function"]["arguments"], R"({"city": "B"})");
  }
}

TEST(ToolsTest, CallsAreStreamedAsTheirNamesAndThenTheirArguments) {
  ApiBench api;
  json body = ChatBody({{"tools", {Weather()}}});
  Say(api, body,
      R"({"name": "get_weather", "parameters": {"city": "Paris"}}; {"name": "get_weather", "parameters": {"city": "Rome", "days": 2}})");
  body["stream"] = true;
  std::vector<std::string> names;
  std::vector<std::string> arguments;
  std::string finish;
  for (const json& chunk : Chunks(api.Post(kChat, body))) {
    const json& choice = chunk["choices"][0];
    if (!choice["finish_reason"].is_null()) finish = choice["finish_reason"];
    for (const json& call : choice["delta"].value("tool_calls", json::array())) {
      const auto index = call["index"].get<size_t>();
      if (index == names.size()) {
        EXPECT_THAT(call["id"].get<std::string>(), testing::StartsWith("call_"));
        names.push_back(call["function"]["name"]);
        arguments.emplace_back();
      } else {
        EXPECT_FALSE(call.contains("id"));
      }
      ASSERT_LT(index, arguments.size());
      arguments[index] += call["function"]["arguments"];
    }
  }
  EXPECT_EQ(finish, "tool_calls");
  EXPECT_THAT(names, testing::ElementsAre("get_weather", "get_weather"));
  EXPECT_THAT(arguments, testing::ElementsAre(R"({"city": "Paris"})", R"({"city": "Rome", "days": 2})"));
}

TEST(ToolsTest, BesideAFormatForContentCallsAreAnnounced) {
  json body = ChatBody({{"tools", {Weather()}}});
  body.update(Format(
      R"({"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false})"));
  {
    ApiBench api;
    Say(api, body, R"({"name": "get_weather", "parameters": {"city": "A"}})", "<|python_tag|>");
    EXPECT_TRUE(Choice(api, body)["message"].contains("tool_calls"));
  }
}

TEST(ToolsTest, TheToolsStandInThePromptAndSoDoCallsAndResults) {
  ToolUse use;
  use.mode = ToolUse::Mode::kAuto;
  Tool tool;
  tool.name = "f";
  tool.definition =
      ParseJson(R"({"type": "function", "function": {"name": "f", "parameters": {"b": [], "a": 1}}})");
  use.tools.push_back(tool);
  std::vector<ChatMessage> messages = {{"user", "Hi"}};
  AddToolsToPrompt(use, messages);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].role, "system");
  EXPECT_EQ(messages[0].content, "Environment: ipython");
  EXPECT_THAT(messages[1].content,
              HasSubstr("{\n    \"type\": \"function\",\n    \"function\": {\n        \"name\": \"f\",\n"
                        "        \"parameters\": {\n            \"b\": [],\n            \"a\": 1\n        "
                        "}\n    }\n}\n\nHi"));
  EXPECT_EQ(CallText("f", "{\"x\": 1}"), R"({"name": "f", "parameters": {"x": 1}})");
}

TEST(ToolCallReaderTest, PartsAreTheSameHoweverTheTextIsCut) {
  const std::string calls =
      "{ \"name\" : \"f\",\n\"parameters\": {\"a\": [\"}{\\\"\", {\"b\": {}}]}}; "
      "{\"name\":\"g\",\"parameters\":{}}";
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    ToolCallReader reader;
    std::vector<std::string> names;
    std::vector<std::string> arguments;
    std::string content;
    const auto take = [&](const ToolCallReader::Parts& parts) {
      content += parts.content;
      for (const CallPart& part : parts.calls) {
        if (part.name) {
          names.push_back(*part.name);
          arguments.emplace_back();
        }
        arguments.at(static_cast<size_t>(part.index)) += part.arguments;
      }
    };
    for (size_t at = 0; at < calls.size();) {
      const size_t length = 1 + random() % 9;
      take(reader.Push(std::string_view(calls).substr(at, length)));
      at += length;
    }
    take(reader.Finish());
    EXPECT_EQ(content, "");
    EXPECT_THAT(names, testing::ElementsAre("f", "g"));
    EXPECT_THAT(arguments, testing::ElementsAre("{\"a\": [\"}{\\\"\", {\"b\": {}}]}", "{}"));
  }
}

}  // namespace
}  // namespace puna
