#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "server/api_error.h"
#include "server/routes.h"
#include "tests/server/api_test_support.h"

namespace puna {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

json ChatBody(const std::string& message) {
  return {{"model", "demo"}, {"messages", {{{"role", "user"}, {"content", message}}}}};
}

json With(json body, const json& more) {
  body.update(more);
  return body;
}

std::string Header(const HttpResponse& response, const std::string& name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return "";
}

constexpr const char* kChat = "/v1/chat/completions";
constexpr const char* kCompletions = "/v1/completions";

TEST(ModelsTest, ListsTheModelAndKnowsNoOther) {
  ApiBench api;
  const json list = BodyOf(api.Get("/v1/models"));
  EXPECT_EQ(list.at("object"), "list");
  ASSERT_EQ(list.at("data").size(), 1u);
  const json& model = list.at("data").at(0);
  EXPECT_EQ(model.at("id"), "demo");
  EXPECT_EQ(model.at("object"), "model");
  EXPECT_EQ(model.at("created"), 1'700'000'000);
  EXPECT_EQ(model.at("owned_by"), "puna");
  EXPECT_EQ(model.at("context_length"), 512);
  EXPECT_EQ(model.at("max_model_len"), 512);
  EXPECT_EQ(model.at("meta").at("n_vocab"), api.tokenizer().vocab_size());
  EXPECT_EQ(BodyOf(api.Get("/v1/models/demo")), model);

  const HttpResponse other = api.Get("/v1/models/gpt-4");
  EXPECT_EQ(other.status, 404);
  EXPECT_EQ(BodyOf(other).at("error").at("code"), "model_not_found");
  const HttpResponse chat = api.Post(kChat, With(ChatBody("x"), {{"model", "gpt-4"}}));
  EXPECT_EQ(chat.status, 404);
  EXPECT_EQ(BodyOf(chat).at("error").at("param"), "model");
}

TEST(ChatTest, AWholeAnswerHasEveryField) {
  ApiBench api;
  api.AnswerChat("Hello", "Hi there!");
  const HttpResponse response = api.Post(kChat, ChatBody("Hello"));
  ASSERT_EQ(response.status, 200) << response.body;
  const json answer = BodyOf(response);
  EXPECT_THAT(answer.at("id").get<std::string>(), MatchesRegex("chatcmpl-[0-9A-Za-z]{29}"));
  EXPECT_EQ(answer.at("object"), "chat.completion");
  EXPECT_GT(answer.at("created"), 1'700'000'000);
  EXPECT_EQ(answer.at("model"), "demo");
  EXPECT_EQ(answer.at("system_fingerprint"), "fp_0123456789");
  EXPECT_EQ(
      answer.at("choices"),
      json::parse(R"([{"index": 0, "message": {"role": "assistant", "content": "Hi there!", "refusal": null},
                             "logprobs": null, "finish_reason": "stop"}])"));
  const size_t prompt = api.model().last_prompt().size();
  const size_t completion = api.tokenizer().Encode("Hi there!").size();
  EXPECT_EQ(answer.at("usage"), json({{"prompt_tokens", prompt},
                                      {"completion_tokens", completion},
                                      {"total_tokens", prompt + completion},
                                      {"prompt_tokens_details", {{"cached_tokens", 0}}}}));
}

TEST(ChatTest, AStreamOpensWithTheRoleAndEndsWithTheReason) {
  ApiBench api;
  api.AnswerChat("Hello", "Hi there!");
  const auto chunks = Chunks(api.Post(kChat, With(ChatBody("Hello"), {{"stream", true}})));
  ASSERT_GE(chunks.size(), 3u);
  std::string text;
  for (const json& chunk : chunks) {
    EXPECT_EQ(chunk.at("id"), chunks[0].at("id"));
    EXPECT_EQ(chunk.at("created"), chunks[0].at("created"));
    EXPECT_EQ(chunk.at("object"), "chat.completion.chunk");
    EXPECT_EQ(chunk.at("model"), "demo");
    EXPECT_FALSE(chunk.contains("usage"));
    ASSERT_EQ(chunk.at("choices").size(), 1u);
    const json& choice = chunk.at("choices").at(0);
    EXPECT_EQ(choice.at("index"), 0);
    EXPECT_TRUE(choice.at("logprobs").is_null());
    const bool last = &chunk == &chunks.back();
    EXPECT_EQ(choice.at("finish_reason"), last ? json("stop") : json(nullptr));
    EXPECT_EQ(choice.at("delta").contains("role"), &chunk == &chunks.front());
    text += choice.at("delta").value("content", "");
  }
  EXPECT_EQ(chunks[0].at("choices").at(0).at("delta"),
            json({{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}}));
  EXPECT_EQ(chunks.back().at("choices").at(0).at("delta"), json::object());
  EXPECT_EQ(text, "Hi there!");
}

TEST(ChatTest, UsageComesInAChunkOfItsOwnWhenAskedFor) {
  ApiBench api;
  api.AnswerChat("Hello", "Hi there!");
  const auto chunks = Chunks(api.Post(
      kChat, With(ChatBody("Hello"), {{"stream", true}, {"stream_options", {{"include_usage", true}}}})));
  ASSERT_GE(chunks.size(), 4u);
  for (size_t i = 0; i + 1 < chunks.size(); ++i) {
    EXPECT_TRUE(chunks[i].at("usage").is_null());
    EXPECT_EQ(chunks[i].at("choices").size(), 1u);
  }
  EXPECT_EQ(chunks.back().at("choices"), json::array());
  EXPECT_EQ(chunks.back().at("usage").at("completion_tokens"), api.tokenizer().Encode("Hi there!").size());
}

TEST(ChatTest, EveryDeltaHasWholeCharacters) {
  ApiBench api;
  const std::string emojis = "🇨🇳✈️🇺🇸🗽";
  api.AnswerChat("Hello", emojis);
  ASSERT_GT(api.tokenizer().Encode(emojis).size(), 12u) << "the demo tokenizer cuts emoji into pieces";
  std::vector<std::string> deltas;
  for (const json& chunk : Chunks(api.Post(kChat, With(ChatBody("Hello"), {{"stream", true}})))) {
    const std::string text = chunk.at("choices").at(0).at("delta").value("content", "");
    if (!text.empty()) deltas.push_back(text);
  }
  EXPECT_THAT(deltas, testing::ElementsAre("🇨", "🇳", "✈", "\uFE0F", "🇺", "🇸", "🗽"));
}

TEST(ChatTest, UserTextNeverBecomesASpecialToken) {
  ApiBench api;
  api.AnswerChat("<|eot_id|>", "ok");
  ASSERT_EQ(api.Post(kChat, ChatBody("<|eot_id|>")).status, 200);
  const auto prompt = api.model().last_prompt();
  EXPECT_EQ(std::count(prompt.begin(), prompt.end(), *api.tokenizer().Special("<|eot_id|>")), 1);
}

TEST(ChatTest, TheStopTextIsNotSentNotEvenPartly) {
  ApiBench api;
  api.AnswerChat("Hello", "one two three four");
  const json stop = {{"stop", {"o th", "zzz"}}};
  const json whole = BodyOf(api.Post(kChat, With(ChatBody("Hello"), stop)));
  EXPECT_EQ(whole.at("choices").at(0).at("message").at("content"), "one tw");
  EXPECT_EQ(whole.at("choices").at(0).at("finish_reason"), "stop");
  std::string text;
  const auto chunks = Chunks(api.Post(kChat, With(With(ChatBody("Hello"), stop), {{"stream", true}})));
  for (const json& chunk : chunks) text += chunk.at("choices").at(0).at("delta").value("content", "");
  EXPECT_EQ(text, "one tw");
  EXPECT_EQ(chunks.back().at("choices").at(0).at("finish_reason"), "stop");
}

TEST(ChatTest, AnAnswerThatEndsInsideAStopStringLosesNothing) {
  ApiBench api;
  api.AnswerChat("Hello", "one two");
  std::string text;
  for (const json& chunk :
       Chunks(api.Post(kChat, With(ChatBody("Hello"), {{"stream", true}, {"stop", "two three"}}))))
    text += chunk.at("choices").at(0).at("delta").value("content", "");
  EXPECT_EQ(text, "one two");
}

TEST(ChatTest, MaxTokensEndsTheAnswerWithLength) {
  ApiBench api;
  api.model().SayForEver(api.tokenizer().Encode("x").at(0));
  for (const char* name : {"max_tokens", "max_completion_tokens"}) {
    const json answer = BodyOf(api.Post(kChat, With(ChatBody("Hello"), {{name, 5}})));
    EXPECT_EQ(answer.at("choices").at(0).at("message").at("content"), "xxxxx");
    EXPECT_EQ(answer.at("choices").at(0).at("finish_reason"), "length");
    EXPECT_EQ(answer.at("usage").at("completion_tokens"), 5);
  }
}

TEST(ChatTest, WithoutALimitTheAnswerGetsTheRestOfTheContextUnderTheCeiling) {
  ApiBench api(/*max_context=*/64);
  api.model().SayForEver(api.tokenizer().Encode("x").at(0));
  json usage = BodyOf(api.Post(kChat, ChatBody("Hello"))).at("usage");
  EXPECT_EQ(usage.at("total_tokens"), 64);
  api.served().chat_max_tokens = 7;
  usage = BodyOf(api.Post(kChat, ChatBody("Hello"))).at("usage");
  EXPECT_EQ(usage.at("completion_tokens"), 7);
}

TEST(ChatTest, APromptLongerThanTheContextIsRefusedWithItsNumbers) {
  ApiBench api(/*max_context=*/64);
  std::string text;
  for (int i = 0; i < 100; ++i) text += "word ";
  const HttpResponse response = api.Post(kChat, ChatBody(text));
  EXPECT_EQ(response.status, 400);
  const json error = BodyOf(response).at("error");
  EXPECT_EQ(error.at("code"), "context_length_exceeded");
  EXPECT_EQ(error.at("param"), "messages");
  EXPECT_THAT(error.at("message").get<std::string>(), HasSubstr("64 tokens"));
}

TEST(CompletionTest, AWholeAnswerHasEveryField) {
  ApiBench api;
  api.AnswerCompletion("The capital of France is", " Paris.");
  const HttpResponse response =
      api.Post(kCompletions, json{{"model", "demo"}, {"prompt", "The capital of France is"}});
  ASSERT_EQ(response.status, 200) << response.body;
  const json answer = BodyOf(response);
  EXPECT_THAT(answer.at("id").get<std::string>(), MatchesRegex("cmpl-[0-9A-Za-z]{29}"));
  EXPECT_EQ(answer.at("object"), "text_completion");
  EXPECT_EQ(answer.at("choices"),
            json::parse(R"([{"index": 0, "text": " Paris.", "logprobs": null, "finish_reason": "stop"}])"));
  EXPECT_EQ(api.model().last_prompt().at(0), api.tokenizer().bos());
}

TEST(CompletionTest, SixteenTokensAreTheDefault) {
  ApiBench api;
  api.model().SayForEver(api.tokenizer().Encode("x").at(0));
  const json answer = BodyOf(api.Post(kCompletions, json{{"model", "demo"}, {"prompt", "Hi"}}));
  EXPECT_EQ(answer.at("usage").at("completion_tokens"), 16);
  EXPECT_EQ(answer.at("choices").at(0).at("finish_reason"), "length");
}

TEST(CompletionTest, TokenArraysAreTakenAsTheyAre) {
  ApiBench api;
  api.model().Say(3, api.tokenizer().Encode("ok"));
  const json answer = BodyOf(api.Post(kCompletions, json{{"model", "demo"}, {"prompt", {72, 101, 1801}}}));
  EXPECT_EQ(answer.at("choices").at(0).at("text"), "ok");
  EXPECT_THAT(api.model().last_prompt(), testing::ElementsAre(72, 101, 1801));
}

TEST(CompletionTest, SeveralPromptsAreSeveralChoicesInTheirOrder) {
  ApiBench api;
  api.model().Say(2, api.tokenizer().Encode("ok"));
  json prompts = json::array();
  for (int i = 0; i < 20; ++i) prompts.push_back({72, 101});
  const json answer =
      BodyOf(api.Post(kCompletions, json{{"model", "demo"}, {"prompt", prompts}, {"echo", true}}));
  ASSERT_EQ(answer.at("choices").size(), 20u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(answer.at("choices").at(static_cast<size_t>(i)).at("index"), i);
    EXPECT_EQ(answer.at("choices").at(static_cast<size_t>(i)).at("text"), "Heok");
  }
  EXPECT_EQ(answer.at("usage").at("prompt_tokens"), 40);
}

TEST(CompletionTest, SeveralPromptsStreamUnderTheirIndexes) {
  ApiBench api;
  api.model().Say(2, api.tokenizer().Encode("Hello there"));
  const json body = {{"model", "demo"}, {"prompt", {{72, 101}, {72, 102}, {72, 103}}}, {"stream", true}};
  std::vector<std::string> texts(3), reasons(3);
  for (const json& chunk : Chunks(api.Post(kCompletions, body))) {
    EXPECT_EQ(chunk.at("object"), "text_completion");
    const json& choice = chunk.at("choices").at(0);
    const auto index = choice.at("index").get<size_t>();
    EXPECT_EQ(reasons.at(index), "") << "nothing follows the end";
    texts.at(index) += choice.at("text").get<std::string>();
    if (!choice.at("finish_reason").is_null())
      reasons.at(index) = choice.at("finish_reason").get<std::string>();
  }
  EXPECT_THAT(texts, testing::Each("Hello there"));
  EXPECT_THAT(reasons, testing::Each("stop"));
}

TEST(CompletionTest, NChoicesOfEachPromptCountItsTokensOnce) {
  ApiBench api;
  api.model().Say(2, api.tokenizer().Encode("ok"));
  const json answer =
      BodyOf(api.Post(kCompletions, json{{"model", "demo"}, {"prompt", {{72, 101}, {72, 102}}}, {"n", 3}}));
  ASSERT_EQ(answer.at("choices").size(), 6u);
  for (const json& choice : answer.at("choices")) EXPECT_EQ(choice.at("text"), "ok");
  EXPECT_EQ(answer.at("usage").at("prompt_tokens"), 4);
  EXPECT_EQ(answer.at("usage").at("completion_tokens"), 6 * api.tokenizer().Encode("ok").size());
}

TEST(CompletionTest, EchoGivesThePromptBackAsItCame) {
  ApiBench api;
  api.AnswerCompletion("Hi 🗽", " you");
  const json body = {{"model", "demo"}, {"prompt", "Hi 🗽"}, {"echo", true}};
  EXPECT_EQ(BodyOf(api.Post(kCompletions, body)).at("choices").at(0).at("text"), "Hi 🗽 you");
  const json zero = With(body, {{"max_tokens", 0}});
  const json answer = BodyOf(api.Post(kCompletions, zero));
  EXPECT_EQ(answer.at("choices").at(0).at("text"), "Hi 🗽");
  EXPECT_EQ(answer.at("choices").at(0).at("finish_reason"), "length");
  EXPECT_EQ(answer.at("usage").at("completion_tokens"), 0);
}

TEST(CompletionTest, AskingForMoreThanTheContextHoldsIsRefused) {
  ApiBench api(/*max_context=*/64);
  const HttpResponse response =
      api.Post(kCompletions, json{{"model", "demo"}, {"prompt", "Hi"}, {"max_tokens", 64}});
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(BodyOf(response).at("error").at("code"), "context_length_exceeded");
}

TEST(CancelTest, AReaderThatLeavesFreesItsRows) {
  ApiBench api(/*max_context=*/500'000);  // more than is said before the engine hears of it
  api.model().SayForEver(api.tokenizer().Encode("x").at(0));
  {
    const HttpResponse response = api.Post(kChat, With(ChatBody("Hello"), {{"stream", true}}));
    RecordingWriter writer(/*leaves_after=*/3);
    response.stream(writer);
    EXPECT_THAT(writer.text(), Not(HasSubstr("[DONE]")));
  }
  // The engine notices at its next step.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (api.engine().Stats().running > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  const EngineStats stats = api.engine().Stats();
  EXPECT_EQ(stats.running, 0);
  EXPECT_EQ(stats.Finished(FinishReason::kCancelled), 1);
}

TEST(CancelTest, AnAnswerInOnePieceStopsWhenItsClientHasGone) {
  ApiBench api(/*max_context=*/500'000);
  api.model().SayForEver(api.tokenizer().Encode("x").at(0));
  HttpRequest http;
  http.body = ChatBody("Hello").dump();
  http.client_gone = [&api] { return api.model().steps() > 3; };
  for (const auto& [method, path, handler] : ApiRoutes(api.state(), ApiKeys({})))
    if (path == kChat) handler(http);
  EXPECT_LT(api.model().steps(), 400'000);
}

TEST(QueueTest, AFullQueueIs429WithRetryAfter) {
  ApiBench api(/*max_context=*/512, /*max_queue=*/1);
  api.model().SayForEver(api.tokenizer().Encode("x").at(0));
  std::vector<HttpResponse> held;  // streams that nobody reads run on
  HttpResponse response;
  for (int i = 0; i < 2000 && response.status == 200; ++i) {
    response = api.Post(kChat, With(ChatBody("Hello"), {{"stream", true}}));
    held.push_back(response);
  }
  ASSERT_EQ(response.status, 429);
  EXPECT_NE(Header(response, "Retry-After"), "");
  EXPECT_EQ(BodyOf(response).at("error").at("code"), "rate_limit_exceeded");
}

TEST(DrainTest, HealthSaysSoAndNewRequestsAreRefused) {
  ApiBench api;
  EXPECT_EQ(BodyOf(api.Get("/health")).at("status"), "ok");
  api.served().draining = true;
  const HttpResponse health = api.Get("/health");
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(BodyOf(health).at("status"), "draining");
  const HttpResponse chat = api.Post(kChat, ChatBody("Hello"));
  EXPECT_EQ(chat.status, 503);
  EXPECT_NE(Header(chat, "Retry-After"), "");
  EXPECT_EQ(api.Get("/v1/models").status, 200);
}

TEST(DrainTest, AStreamThatCannotFinishEndsWithAnErrorEvent) {
  ApiBench api(/*max_context=*/500'000);
  api.model().SayForEver(api.tokenizer().Encode("x").at(0));
  const HttpResponse response = api.Post(kChat, With(ChatBody("Hello"), {{"stream", true}}));
  ASSERT_EQ(response.status, 200);
  api.engine().Stop(std::chrono::milliseconds(0));
  RecordingWriter writer;
  response.stream(writer);
  const auto events = writer.Events();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().event, "error");
  EXPECT_EQ(json::parse(events.back().data).at("error").at("code"), "server_shutting_down");
}

TEST(ApiKeyTest, WhatLiesUnderV1NeedsAKeyAndHealthDoesNot) {
  ApiBench api(512, 64, {"first-key", "second-key"});
  EXPECT_EQ(api.Get("/health").status, 200);
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer first-ke", "Bearer first-key2",
                            "Basic first-key", "first-key", "Bearer first-key second-key"}) {
    const HttpResponse response = api.Get("/v1/models", wrong);
    EXPECT_EQ(response.status, 401) << wrong;
    EXPECT_EQ(Header(response, "WWW-Authenticate"), "Bearer");
    EXPECT_EQ(BodyOf(response).at("error").at("type"), "invalid_request_error");
  }
  EXPECT_EQ(BodyOf(api.Get("/v1/models", "Bearer nope")).at("error").at("code"), "invalid_api_key");
  for (const char* right : {"Bearer first-key", "bearer second-key", "Bearer  first-key "})
    EXPECT_EQ(api.Get("/v1/models", right).status, 200) << right;
  for (const char* path : {kChat, kCompletions}) EXPECT_EQ(api.Post(path, std::string("{}")).status, 401);
  EXPECT_EQ(api.Get("/v1/models/demo").status, 401);
}

TEST(UnknownFieldsTest, EachNameIsReportedOnce) {
  UnknownFields fields;
  EXPECT_THAT(fields.Report({"a", "b"}), testing::ElementsAre("a", "b"));
  EXPECT_THAT(fields.Report({"b", "c\n"}), testing::ElementsAre("c\\x0A"));
  EXPECT_THAT(fields.Report({"a"}), testing::IsEmpty());
}

}  // namespace
}  // namespace puna
