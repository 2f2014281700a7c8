#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/api/chat_request.h"
#include "server/api/completion_request.h"
#include "server/api/context_length.h"

namespace puna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kVocabulary = 2048;

// The error object of a refusal; null if `parse` refuses nothing.
template <typename Parse>
nlohmann::json RefusalOf(const Parse& parse) {
  try {
    parse();
  } catch (const RequestError& error) {
    EXPECT_EQ(error.status(), 400);
    return nlohmann::json::parse(error.Json()).at("error");
  }
  return nullptr;
}

nlohmann::json CompletionRefusal(const std::string& body) {
  std::vector<std::string> unknown;
  return RefusalOf([&] { ParseCompletionRequest(body, kVocabulary, unknown); });
}

nlohmann::json ChatRefusal(const std::string& body) {
  std::vector<std::string> unknown;
  return RefusalOf([&] { ParseChatRequest(body, kVocabulary, unknown); });
}

CompletionRequest Completion(const std::string& fields) {
  std::vector<std::string> unknown;
  return ParseCompletionRequest(R"({"model": "demo", )" + fields + "}", kVocabulary, unknown);
}

ChatRequest Chat(const std::string& fields) {
  std::vector<std::string> unknown;
  return ParseChatRequest(R"({"model": "demo", )" + fields + "}", kVocabulary, unknown);
}

constexpr const char* kHello = R"("messages": [{"role": "user", "content": "Hello"}])";

// The field that a chat with this one more field is refused for; "" if it is not.
std::string ChatParam(const std::string& field) {
  const auto error = ChatRefusal(R"({"model": "demo", )" + std::string(kHello) + ", " + field + "}");
  return error.is_null() ? "" : error.at("param").get<std::string>();
}

std::string CompletionParam(const std::string& field) {
  const auto error = CompletionRefusal(R"({"model": "demo", "prompt": "x", )" + field + "}");
  return error.is_null() ? "" : error.at("param").get<std::string>();
}

TEST(JsonBodyTest, WhatIsNotJsonIsRefusedWithItsPlace) {
  const auto error = ChatRefusal("{\"model\": \"demo\",\n \"messages\": [}");
  EXPECT_THAT(error.at("message").get<std::string>(), HasSubstr("line 2, column 15"));
  EXPECT_EQ(error.at("type"), "invalid_request_error");
  EXPECT_TRUE(error.at("param").is_null());
  EXPECT_TRUE(error.at("code").is_null());
  for (const char* body :
       {"", " ", "{", "nul", "{}x", "{\"a\": 1e999}", "{\"a\": \"\\ud800\"}", "\"text\"", "[1]", "7", "null",
        "{\"a\": \"\xff\"}", "{\"a\": \"\xf0\x9f\"}", "{'a': 1}", "{\"a\": 01}"})
    EXPECT_FALSE(ChatRefusal(body).is_null()) << body;
}

TEST(JsonBodyTest, DeepNestingIsRefusedBeforeItIsBuilt) {
  const std::string brackets(1'000'000, '[');
  EXPECT_THAT(ChatRefusal(brackets).at("message").get<std::string>(), HasSubstr("nested"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_THAT(ChatRefusal(objects).at("message").get<std::string>(), HasSubstr("nested"));
}

TEST(JsonBodyTest, NestingUpToTheLimitIsFine) {
  const std::string deep = std::string(kMaxJsonDepth - 1, '[') + std::string(kMaxJsonDepth - 1, ']');
  EXPECT_EQ(ChatParam("\"deep\": " + deep), "");
  EXPECT_FALSE(ChatRefusal("{\"deep\": [" + deep + "]}").is_null());
}

TEST(AnswerOptionsTest, MissingFieldsAreNamed) {
  for (const auto& [body, param] : {std::pair{"{}", "model"},
                                    {R"({"model": "demo"})", "messages"},
                                    {R"({"model": null, "messages": []})", "model"},
                                    {R"({"model": "demo", "messages": null})", "messages"}}) {
    const auto error = ChatRefusal(body);
    EXPECT_EQ(error.at("param"), param) << body;
    EXPECT_EQ(error.at("code"), "missing_required_parameter");
  }
  EXPECT_EQ(CompletionRefusal(R"({"model": "demo"})").at("param"), "prompt");
}

TEST(AnswerOptionsTest, WrongTypesAndRangesNameTheField) {
  for (const auto& [field, param] :
       {std::pair{R"("max_tokens": "x")", "max_tokens"},
        {R"("max_tokens": 1.5)", "max_tokens"},
        {R"("max_tokens": 0)", "max_tokens"},
        {R"("max_tokens": -1)", "max_tokens"},
        {R"("max_tokens": 99999999999)", "max_tokens"},
        {R"("max_tokens": 18446744073709551615)", "max_tokens"},
        {R"("max_tokens": 1e300)", "max_tokens"},
        {R"("max_completion_tokens": true)", "max_completion_tokens"},
        {R"("max_tokens": 3, "max_completion_tokens": 4)", "max_tokens"},
        {R"("temperature": "hot")", "temperature"},
        {R"("temperature": 2.1)", "temperature"},
        {R"("temperature": -0.1)", "temperature"},
        {R"("top_p": 1.5)", "top_p"},
        {R"("seed": 1.5)", "seed"},
        {R"("n": 0)", "n"},
        {R"("n": 129)", "n"},
        {R"("stream": 1)", "stream"},
        {R"("stream": "true")", "stream"},
        {R"("stream": true, "stream_options": 1)", "stream_options"},
        {R"("stream": true, "stream_options": {"include_usage": 1})", "stream_options.include_usage"},
        {R"("stream_options": {"include_usage": true})", "stream_options"},
        {R"("stop": 7)", "stop"},
        {R"("stop": "")", "stop"},
        {R"("stop": ["a", 7])", "stop[1]"},
        {R"("stop": ["a", ""])", "stop[1]"},
        {R"("stop": ["a", "b", "c", "d", "e"])", "stop"},
        {R"("presence_penalty": 2.5)", "presence_penalty"},
        {R"("frequency_penalty": "x")", "frequency_penalty"},
        {R"("logit_bias": [])", "logit_bias"},
        {R"("logit_bias": {"2048": 1})", "logit_bias"},
        {R"("logit_bias": {"-1": 1})", "logit_bias"},
        {R"("logit_bias": {"1x": 1})", "logit_bias"},
        {R"("logit_bias": {"5": 101})", "logit_bias.5"},
        {R"("logit_bias": {"5": "x"})", "logit_bias.5"},
        {R"("top_k": -1)", "top_k"},
        {R"("min_p": 2)", "min_p"},
        {R"("repeat_penalty": 0)", "repeat_penalty"},
        {R"("logprobs": 3)", "logprobs"},
        {R"("top_logprobs": 21)", "top_logprobs"},
        {R"("top_logprobs": 2)", "top_logprobs"},
        {R"("metadata": [])", "metadata"},
        {R"("metadata": {"a": 1})", "metadata.a"},
        {R"("store": "yes")", "store"},
        {R"("service_tier": "gold")", "service_tier"},
        {R"("reasoning_effort": "utmost")", "reasoning_effort"},
        {R"("reasoning_effort": 3)", "reasoning_effort"},
        {R"("verbosity": "chatty")", "verbosity"},
        {R"("prompt_cache_key": 1)", "prompt_cache_key"},
        {R"("prompt_cache_retention": "7d")", "prompt_cache_retention"},
        {R"("prompt_cache_options": 1)", "prompt_cache_options"},
        {R"("safety_identifier": "0123456789012345678901234567890123456789012345678901234567890123x")",
         "safety_identifier"},
        {R"("prediction": {"type": "content"})", "prediction.content"},
        {R"("prediction": {"content": "x"})", "prediction.type"},
        {R"("prediction": "x")", "prediction"},
        {R"("audio": 1)", "audio"},
        {R"("ignore_eos": 1)", "ignore_eos"},
        {R"("return_token_ids": "x")", "return_token_ids"},
        {R"("stream": true, "stream_options": {"include_obfuscation": 1})",
         "stream_options.include_obfuscation"},
        {R"("user": 7)", "user"}})
    EXPECT_EQ(ChatParam(field), param) << field;
}

TEST(AnswerOptionsTest, NullsAndValuesWithoutEffectAreAccepted) {
  for (const char* field : {R"("max_tokens": null)",
                            R"("max_tokens": 16.0)",
                            R"("max_tokens": 5, "max_completion_tokens": 5)",
                            R"("temperature": null)",
                            R"("temperature": 0)",
                            R"("temperature": 0.0)",
                            R"("top_p": 0.5)",
                            R"("seed": -7)",
                            R"("n": 1)",
                            R"("stop": null)",
                            R"("stop": [])",
                            R"("stream": null)",
                            R"("stream_options": null)",
                            R"("stream": true, "stream_options": {})",
                            R"("presence_penalty": 0)",
                            R"("frequency_penalty": 0.0)",
                            R"("logit_bias": {})",
                            R"("logit_bias": null)",
                            R"("logprobs": false)",
                            R"("top_logprobs": null)",
                            R"("top_logprobs": 0)",
                            R"("tools": [])",
                            R"("tools": null)",
                            R"("tool_choice": "none")",
                            R"("tool_choice": "auto")",
                            R"("parallel_tool_calls": true)",
                            R"("functions": [])",
                            R"("response_format": {"type": "text"})",
                            R"("response_format": null)",
                            R"("modalities": ["text"])",
                            R"("audio": null)",
                            R"("user": "me")",
                            R"("metadata": {"a": "b"})",
                            R"("store": true)",
                            R"("service_tier": "auto")",
                            R"("safety_identifier": "x")",
                            R"("prompt_cache_key": "x")",
                            R"("reasoning_effort": "low")",
                            R"("verbosity": "low")",
                            R"("prompt_cache_options": {})",
                            R"("prediction": {"type": "content", "content": "x"})"})
    EXPECT_EQ(ChatParam(field), "") << field;
}

TEST(AnswerOptionsTest, WhatWouldChangeTheAnswerAndIsNotSupportedIsNamed) {
  for (const auto& [field, param] :
       {std::pair{R"("tools": [{"type": "custom", "custom": {"name": "f"}}])", "tools[0].custom"},
        {R"("functions": [{"name": "f"}])", "functions"},
        {R"("tool_choice": "required")", "tool_choice"},
        {R"("function_call": {"name": "f"})", "function_call"},
        {R"("modalities": ["text", "audio"])", "modalities"},
        {R"("moderation": {"model": "x"})", "moderation"},
        {R"("web_search_options": {})", "web_search_options"}})
    EXPECT_EQ(ChatParam(field), param) << field;
  for (const auto& [field, param] : {std::pair{R"("suffix": "end")", "suffix"},
                                     {R"("suffix": 1)", "suffix"},
                                     {R"("n": 3, "best_of": 2)", "best_of"},
                                     {R"("best_of": 21)", "best_of"},
                                     {R"("best_of": 2, "stream": true)", "best_of"},
                                     {R"("logprobs": 6)", "logprobs"},
                                     {R"("logprobs": -1)", "logprobs"},
                                     {R"("logprobs": true)", "logprobs"},
                                     {R"("echo": "yes")", "echo"}})
    EXPECT_EQ(CompletionParam(field), param) << field;
  for (const char* field :
       {R"("best_of": 0)", R"("best_of": 1)", R"("best_of": null)", R"("best_of": 20)",
        R"("n": 2, "best_of": 2, "stream": true)", R"("logprobs": null)", R"("logprobs": 0)",
        R"("logprobs": 5)", R"("suffix": "")", R"("suffix": null)", R"("echo": false)"})
    EXPECT_EQ(CompletionParam(field), "") << field;
}

TEST(AnswerOptionsTest, ToolsAndFormatsThatAreNoneAreNamedWithTheirPlace) {
  for (
      const auto& [field, param] :
      {std::pair{R"("tools": [1])", "tools[0]"},
       {R"("tools": [{"type": "function"}])", "tools[0].function"},
       {R"("tools": [{"type": "function", "function": {"name": "a b"}}])", "tools[0].function.name"},
       {R"("tools": [{"type": "function", "function": {"name": "f", "parameters": []}}])",
        "tools[0].function.parameters"},
       {R"("tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}])",
        "tools[0].function.parameters.type"},
       {R"("tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "f"}}])",
        "tools[1].function.name"},
       {R"("tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": {"type": "function", "function": {"name": "g"}})",
        "tool_choice.function.name"},
       {R"("tool_choice": {"type": "function"})", "tool_choice.function"},
       {R"("response_format": {"type": "json_schema"})", "response_format.json_schema"},
       {R"("response_format": {"type": "json_schema", "json_schema": {}})",
        "response_format.json_schema.name"},
       {R"("response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": 5}})",
        "response_format.json_schema.schema"},
       {R"("guided_choice": [])", "guided_choice"},
       {R"("guided_choice": ["a", 1])", "guided_choice[1]"},
       {R"("guided_regex": 5)", "guided_regex"},
       {R"("guided_json": 5)", "guided_json"},
       {R"("guided_regex": "x", "grammar": "y")", "grammar"},
       {R"("guided_regex": "x", "response_format": {"type": "json_object"})", "guided_regex"}})
    EXPECT_EQ(ChatParam(field), param) << field;
}

TEST(AnswerOptionsTest, FieldsTheApiDoesNotKnowAreListedAndAccepted) {
  std::vector<std::string> unknown;
  ParseChatRequest(
      R"({"model": "demo", "messages": [{"role": "user", "content": "x"}], "zeal": 1, "flavour": 2})",
      kVocabulary, unknown);
  EXPECT_THAT(unknown, ElementsAre("flavour", "zeal"));
  ParseChatRequest(R"({"model": "demo", "messages": [{"role": "user", "content": "x"}], "seed": 1})",
                   kVocabulary, unknown);
  EXPECT_THAT(unknown, IsEmpty());
}

TEST(AnswerOptionsTest, SamplingIsGreedyUnlessARequestSaysOtherwise) {
  const SamplingParams greedy = Chat(kHello).options.sampling;
  EXPECT_EQ(greedy.temperature, 0.0f);
  EXPECT_EQ(greedy.top_p, 1.0f);
  EXPECT_EQ(greedy.seed, std::nullopt);
  const auto options =
      Chat(std::string(kHello) + R"(, "temperature": 0.5, "top_p": 0, "top_k": 7, "min_p": 0.25,
      "presence_penalty": 1, "frequency_penalty": -1, "repeat_penalty": 1.5, "seed": -3, "n": 4,
      "logit_bias": {"0": -100, "2047": 1.5, "7": null})")
          .options;
  EXPECT_EQ(options.n, 4);
  EXPECT_EQ(options.sampling.temperature, 0.5f);
  EXPECT_GT(options.sampling.top_p, 0.0f);
  EXPECT_LT(options.sampling.top_p, 1e-30f);
  EXPECT_EQ(options.sampling.top_k, 7);
  EXPECT_EQ(options.sampling.min_p, 0.25f);
  EXPECT_EQ(options.sampling.presence_penalty, 1.0f);
  EXPECT_EQ(options.sampling.frequency_penalty, -1.0f);
  EXPECT_EQ(options.sampling.repetition_penalty, 1.5f);
  EXPECT_EQ(options.sampling.seed, static_cast<uint64_t>(-3));
  EXPECT_THAT(options.sampling.logit_bias,
              testing::UnorderedElementsAre(std::pair(0, -100.0f), std::pair(2047, 1.5f)));
}

TEST(AnswerOptionsTest, StopIsOneStringOrUpToFour) {
  EXPECT_THAT(Chat(std::string(kHello) + R"(, "stop": "end")").options.stop, ElementsAre("end"));
  EXPECT_THAT(Chat(std::string(kHello) + R"(, "stop": ["a", "b", "c", "d"])").options.stop,
              ElementsAre("a", "b", "c", "d"));
}

TEST(CompletionRequestTest, APromptIsTextOrTokensOrSeveralOfEither) {
  EXPECT_THAT(Completion(R"("prompt": "Hi")").prompts, ElementsAre(Prompt("Hi")));
  EXPECT_THAT(Completion(R"("prompt": "")").prompts, ElementsAre(Prompt("")));
  EXPECT_THAT(Completion(R"("prompt": ["a", "b"])").prompts, ElementsAre(Prompt("a"), Prompt("b")));
  EXPECT_THAT(Completion(R"("prompt": [1792, 72, 0])").prompts,
              ElementsAre(Prompt(std::vector<TokenId>{1792, 72, 0})));
  EXPECT_THAT(Completion(R"("prompt": [[1, 2], [3]])").prompts,
              ElementsAre(Prompt(std::vector<TokenId>{1, 2}), Prompt(std::vector<TokenId>{3})));
}

TEST(CompletionRequestTest, PromptsOfOtherShapesNameThePlace) {
  for (const auto& [prompt, param] : {std::pair{"7", "prompt"},
                                      {"{}", "prompt"},
                                      {"true", "prompt"},
                                      {"[]", "prompt"},
                                      {"[[]]", "prompt[0]"},
                                      {"[true]", "prompt[0]"},
                                      {"[\"a\", 1]", "prompt[1]"},
                                      {"[1, \"a\"]", "prompt[1]"},
                                      {"[1, 2.5]", "prompt[1]"},
                                      {"[[1], \"a\"]", "prompt[1]"},
                                      {"[[1], [\"a\"]]", "prompt[1][0]"},
                                      {"[2048]", "prompt[0]"},
                                      {"[0, -1]", "prompt[1]"},
                                      {"[4294967296]", "prompt[0]"},
                                      {"[18446744073709551615]", "prompt[0]"}}) {
    const auto error = CompletionRefusal(R"({"model": "demo", "prompt": )" + std::string(prompt) + "}");
    ASSERT_FALSE(error.is_null()) << prompt;
    EXPECT_EQ(error.at("param"), param) << prompt;
  }
}

TEST(CompletionRequestTest, ZeroTokensMayBeAskedFor) {
  EXPECT_EQ(Completion(R"("prompt": "x", "max_tokens": 0)").max_tokens, 0);
  EXPECT_EQ(Completion(R"("prompt": "x")").max_tokens, std::nullopt);
}

TEST(ChatRequestTest, RolesBecomeLlamas) {
  const auto request = Chat(R"("messages": [
    {"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, {"role": "user", "content": "c"},
    {"role": "assistant", "content": "d", "refusal": null, "tool_calls": []}, {"role": "tool", "content": "e",
    "tool_call_id": "1"}])");
  std::vector<std::string> roles, contents;
  for (const ChatMessage& message : request.messages) {
    roles.push_back(message.role);
    contents.push_back(message.content);
  }
  EXPECT_THAT(roles, ElementsAre("system", "system", "user", "assistant", "ipython"));
  EXPECT_THAT(contents, ElementsAre("a", "b", "c", "d", "e"));
}

TEST(ChatRequestTest, NullContentIsNothingSaidWhereItIsAllowed) {
  const auto request = Chat(
      R"("messages": [{"role": "assistant", "content": null}, {"role": "function", "name": "f", "content": null}])");
  EXPECT_EQ(request.messages.at(0).content, "");
  EXPECT_EQ(request.messages.at(1).content, "");
}

TEST(ChatRequestTest, TextPartsAreJoined) {
  const auto request = Chat(
      R"("messages": [{"role": "user", "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]}])");
  EXPECT_EQ(request.messages.at(0).content, "Hello");
}

TEST(ChatRequestTest, WrongMessagesNameThePlace) {
  for (const auto& [messages, param] :
       {std::pair{"[]", "messages"},
        {"1", "messages"},
        {"{}", "messages"},
        {"[1]", "messages[0]"},
        {"[null]", "messages[0]"},
        {"[{}]", "messages[0].role"},
        {R"([{"role": 1, "content": "x"}])", "messages[0].role"},
        {R"([{"role": "wizard", "content": "x"}])", "messages[0].role"},
        {R"([{"role": "user"}])", "messages[0].content"},
        {R"([{"role": "user", "content": null}])", "messages[0].content"},
        {R"([{"role": "user", "content": 5}])", "messages[0].content"},
        {R"([{"role": "user", "content": {}}])", "messages[0].content"},
        {R"([{"role": "user", "content": "x"}, {"role": "user", "content": ["x"]}])",
         "messages[1].content[0]"},
        {R"([{"role": "user", "content": [{"text": "x"}]}])", "messages[0].content[0].type"},
        {R"([{"role": "user", "content": [{"type": "text"}]}])", "messages[0].content[0].text"},
        {R"([{"role": "user", "content": [{"type": "text", "text": 1}]}])", "messages[0].content[0].text"},
        {R"([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}])",
         "messages[0].content[0].type"},
        {R"([{"role": "user", "content": "x", "name": 1}])", "messages[0].name"},
        {R"([{"role": "assistant", "content": null, "tool_calls": [{"id": "1"}]}])",
         "messages[0].tool_calls[0].type"},
        {R"([{"role": "assistant", "content": "x", "tool_calls": {}}])", "messages[0].tool_calls"},
        {R"([{"role": "assistant", "content": "x", "function_call": []}])", "messages[0].function_call"},
        {R"([{"role": "assistant", "content": "x", "audio": {"id": "1"}}])", "messages[0].audio"},
        {R"([{"role": "assistant"}])", "messages[0].content"},
        {R"([{"role": "user", "content": []}])", "messages[0].content"},
        {R"([{"role": "tool", "content": "x"}])", "messages[0].tool_call_id"},
        {R"([{"role": "tool", "content": "x", "tool_call_id": 1}])", "messages[0].tool_call_id"},
        {R"([{"role": "tool", "content": null, "tool_call_id": "1"}])", "messages[0].content"},
        {R"([{"role": "function", "content": "x"}])", "messages[0].name"}}) {
    const auto error = ChatRefusal(R"({"model": "demo", "messages": )" + std::string(messages) + "}");
    ASSERT_FALSE(error.is_null()) << messages;
    EXPECT_EQ(error.at("param"), param) << messages;
  }
}

TEST(ContextLengthTest, TheAnswerGetsWhatThePromptLeaves) {
  EXPECT_EQ(AnswerTokens(100, 40, std::nullopt, 16, "prompt"), 16);
  EXPECT_EQ(AnswerTokens(100, 90, std::nullopt, 16, "prompt"), 10);
  EXPECT_EQ(AnswerTokens(100, 99, std::nullopt, 1000, "messages"), 1);
  EXPECT_EQ(AnswerTokens(100, 40, 60, 16, "prompt"), 60);
  EXPECT_EQ(AnswerTokens(100, 100, 0, 16, "prompt"), 0);
}

TEST(ContextLengthTest, WhatDoesNotFitIsRefusedWithTheNumbers) {
  const auto refusal = [](size_t prompt, std::optional<int> wanted) {
    return RefusalOf([&] { AnswerTokens(100, prompt, wanted, 16, "messages"); });
  };
  const auto too_long = refusal(123, std::nullopt);
  EXPECT_EQ(too_long.at("code"), "context_length_exceeded");
  EXPECT_EQ(too_long.at("param"), "messages");
  EXPECT_THAT(too_long.at("message").get<std::string>(), HasSubstr("maximum context length is 100 tokens"));
  EXPECT_THAT(too_long.at("message").get<std::string>(), HasSubstr("resulted in 123 tokens"));
  const auto too_much = refusal(40, 61);
  EXPECT_EQ(too_much.at("code"), "context_length_exceeded");
  EXPECT_THAT(too_much.at("message").get<std::string>(),
              HasSubstr("requested 101 tokens (40 in the messages, 61"));
  EXPECT_FALSE(refusal(100, std::nullopt).is_null());
  EXPECT_FALSE(refusal(101, 0).is_null());
}

}  // namespace
}  // namespace puna
