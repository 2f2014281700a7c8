// What the API tells of tokens: log-probabilities in both shapes, echoes of prompts, token ids, and the
// choice of the best.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "server/api/token_json.h"
#include "tests/server/api_test_support.h"

namespace puna {
namespace {

using nlohmann::json;
using testing::ElementsAre;

constexpr const char* kChat = "/v1/chat/completions";
constexpr const char* kCompletions = "/v1/completions";

json ChatBody(const json& more = json::object()) {
  json body = {{"model", "demo"}, {"messages", {{{"role", "user"}, {"content", "Hello"}}}}};
  body.update(more);
  return body;
}

json CompletionBody(const json& prompt, const json& more = json::object()) {
  json body = {{"model", "demo"}, {"prompt", prompt}};
  body.update(more);
  return body;
}

json ChoiceOf(const HttpResponse& response) {
  EXPECT_EQ(response.status, 200) << response.body;
  return BodyOf(response).at("choices").at(0);
}

// The scripted model gives what it says a logit of 10 and every other token 0.
double LogprobOf(bool said, const Tokenizer& tokenizer) {
  return (said ? 10.0 : 0.0) - std::log(std::exp(10.0) + tokenizer.vocab_size() - 1);
}

std::string JoinedBytes(const json& content) {
  std::string bytes;
  for (const json& entry : content)
    for (const json& byte : entry.at("bytes")) bytes.push_back(static_cast<char>(byte.get<int>()));
  return bytes;
}

TEST(ChatLogprobsTest, EveryTokenHasAnEntryWithItsBytesAlsoInsideCharacters) {
  ApiBench api;
  const std::string answer = "Hi 🗽!";
  api.AnswerChat("Hello", answer);
  const json choice = ChoiceOf(api.Post(kChat, ChatBody({{"logprobs", true}, {"top_logprobs", 3}})));
  const json& content = choice.at("logprobs").at("content");
  const std::vector<TokenId> tokens = api.tokenizer().Encode(answer);
  ASSERT_EQ(content.size(), tokens.size());
  EXPECT_EQ(JoinedBytes(content), answer);
  EXPECT_TRUE(choice.at("logprobs").at("refusal").is_null());
  for (const json& entry : content) {
    EXPECT_NEAR(entry.at("logprob").get<double>(), LogprobOf(true, api.tokenizer()), 1e-6);
    ASSERT_EQ(entry.at("top_logprobs").size(), 3u);
    const json& first = entry.at("top_logprobs").at(0);
    for (const char* member : {"token", "logprob", "bytes"}) EXPECT_EQ(first.at(member), entry.at(member));
    for (size_t i = 1; i < 3; ++i) {
      EXPECT_LE(entry.at("top_logprobs").at(i).at("logprob"),
                entry.at("top_logprobs").at(i - 1).at("logprob"));
    }
  }
}

TEST(ChatLogprobsTest, WithoutATopListThereIsAnEmptyOneAndWithoutLogprobsNull) {
  ApiBench api;
  api.AnswerChat("Hello", "Hi");
  const json bare = ChoiceOf(api.Post(kChat, ChatBody({{"logprobs", true}})));
  EXPECT_EQ(bare.at("logprobs").at("content").at(0).at("top_logprobs"), json::array());
  EXPECT_TRUE(ChoiceOf(api.Post(kChat, ChatBody())).at("logprobs").is_null());
}

TEST(ChatLogprobsTest, AStreamTellsTheSameEntriesBesideTheTextTheyBeginIn) {
  ApiBench api;
  api.AnswerChat("Hello", "Hi 🗽, and 🇨🇳!");
  const json asked = {{"logprobs", true}, {"top_logprobs", 2}, {"stop", {"nothing", " an apple"}}};
  const json whole = ChoiceOf(api.Post(kChat, ChatBody(asked)));
  json streamed = json::array();
  std::string text;
  json body = ChatBody(asked);
  body["stream"] = true;
  for (const json& chunk : Chunks(api.Post(kChat, body))) {
    const json& choice = chunk.at("choices").at(0);
    text += choice.at("delta").value("content", "");
    if (choice.at("logprobs").is_null()) continue;
    for (const json& entry : choice.at("logprobs").at("content")) {
      EXPECT_LT(JoinedBytes(streamed).size(), text.size()) << "a token was told before its text";
      streamed.push_back(entry);
    }
  }
  EXPECT_EQ(text, whole.at("message").at("content"));
  EXPECT_EQ(streamed, whole.at("logprobs").at("content"));
}

TEST(ChatLogprobsTest, TokensThatAStopStringCutsOffAreNotTold) {
  ApiBench api;
  api.AnswerChat("Hello", "one two three four");
  for (const std::string stop : {" three", "wo th", "t"}) {
    const json choice = ChoiceOf(api.Post(kChat, ChatBody({{"logprobs", true}, {"stop", stop}})));
    const auto text = choice.at("message").at("content").get<std::string>();
    const std::string told = JoinedBytes(choice.at("logprobs").at("content"));
    EXPECT_TRUE(told.starts_with(text)) << told;
    // The last one may reach over the cut.
    const json& last = choice.at("logprobs").at("content").back();
    EXPECT_LT(told.size() - last.at("bytes").size(), text.size()) << told;
  }
}

TEST(ChatLogprobsTest, TheTokenItselfIsInItsTopListHoweverImprobable) {
  ApiBench api;
  api.model().SayForEver(api.tokenizer().Encode("x").at(0));
  const TokenId other = api.tokenizer().Encode("y").at(0);
  const json choice = ChoiceOf(api.Post(kChat, ChatBody({{"logprobs", true},
                                                         {"top_logprobs", 1},
                                                         {"max_tokens", 1},
                                                         {"logit_bias", {{std::to_string(other), 100}}}})));
  const json& entry = choice.at("logprobs").at("content").at(0);
  EXPECT_EQ(entry.at("token"), "y");
  EXPECT_NEAR(entry.at("logprob").get<double>(), LogprobOf(false, api.tokenizer()), 1e-6)
      << "the model's own opinion, before the bias";
  ASSERT_EQ(entry.at("top_logprobs").size(), 2u);
  EXPECT_EQ(entry.at("top_logprobs").at(0).at("token"), "x");
  EXPECT_EQ(entry.at("top_logprobs").at(1).at("token"), "y");
}

TEST(CompletionLogprobsTest, FourListsSideBySideWithOffsetsIntoTheText) {
  ApiBench api;
  const std::string answer = " a 🗽 b";
  api.AnswerCompletion("Hi", answer);
  const json choice = ChoiceOf(api.Post(kCompletions, CompletionBody("Hi", {{"logprobs", 2}})));
  const json& logprobs = choice.at("logprobs");
  const std::vector<TokenId> tokens = api.tokenizer().Encode(answer);
  size_t offset = 0;
  ASSERT_EQ(logprobs.at("tokens").size(), tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const std::string key = TokenKey(api.tokenizer(), tokens[i]);
    EXPECT_EQ(logprobs.at("tokens").at(i), key);
    EXPECT_NEAR(logprobs.at("token_logprobs").at(i).get<double>(), LogprobOf(true, api.tokenizer()), 1e-6);
    EXPECT_EQ(logprobs.at("top_logprobs").at(i).size(), 2u);
    EXPECT_TRUE(logprobs.at("top_logprobs").at(i).contains(key));
    EXPECT_EQ(logprobs.at("text_offset").at(i), offset) << i;
    // " a 🗽 b": the statue is one character, however many tokens it takes.
    offset +=
        CountCharacters(api.tokenizer().Bytes(tokens[i])) > 0 && !key.starts_with("bytes:")
            ? CountCharacters(api.tokenizer().Bytes(tokens[i]))
            : (i + 1 < tokens.size() && !TokenKey(api.tokenizer(), tokens[i + 1]).starts_with("bytes:") ? 1
                                                                                                        : 0);
  }
  EXPECT_EQ(offset, CountCharacters(answer));
}

TEST(CompletionLogprobsTest, EchoGivesThePromptsOwnAndMayAskForNoAnswer) {
  ApiBench api;
  api.AnswerCompletion("one two", " three");
  const size_t prompt = api.tokenizer().Encode("one two").size() + 1;
  for (const int max_tokens : {0, 1}) {
    const json choice = ChoiceOf(
        api.Post(kCompletions,
                 CompletionBody("one two", {{"logprobs", 1}, {"echo", true}, {"max_tokens", max_tokens}})));
    const json& logprobs = choice.at("logprobs");
    ASSERT_EQ(logprobs.at("tokens").size(), prompt + static_cast<size_t>(max_tokens));
    EXPECT_EQ(logprobs.at("tokens").at(0), "<|begin_of_text|>");
    EXPECT_TRUE(logprobs.at("token_logprobs").at(0).is_null()) << "nothing predicts the first token";
    EXPECT_TRUE(logprobs.at("top_logprobs").at(0).is_null());
    for (size_t i = 1; i < prompt; ++i) EXPECT_LT(logprobs.at("token_logprobs").at(i), 0.0) << i;
    EXPECT_EQ(logprobs.at("text_offset").at(0), 0);
    EXPECT_EQ(logprobs.at("text_offset").at(1), 0) << "the token in front of the text has none itself";
    if (max_tokens == 1) {
      EXPECT_EQ(choice.at("text"), "one two three");
      EXPECT_EQ(logprobs.at("text_offset").back(), 7);
      EXPECT_NEAR(logprobs.at("token_logprobs").back().get<double>(), LogprobOf(true, api.tokenizer()), 1e-6);
    } else {
      EXPECT_EQ(choice.at("text"), "one two");
      EXPECT_EQ(choice.at("finish_reason"), "length");
    }
  }
}

TEST(CompletionLogprobsTest, APromptInTheCacheStillHasAllItsLogprobs) {
  ApiBench api;
  std::vector<TokenId> prompt;
  for (int i = 0; i < 200; ++i) prompt.push_back(300 + i);
  api.model().Say(prompt.size(), api.tokenizer().Encode("ok"));
  ASSERT_EQ(api.Post(kCompletions, CompletionBody(prompt)).status, 200);
  const json body = BodyOf(
      api.Post(kCompletions, CompletionBody(prompt, {{"logprobs", 0}, {"echo", true}, {"max_tokens", 1}})));
  const json& logprobs = body.at("choices").at(0).at("logprobs").at("token_logprobs");
  ASSERT_EQ(logprobs.size(), prompt.size() + 1);
  for (size_t i = 1; i < logprobs.size(); ++i) EXPECT_TRUE(logprobs.at(i).is_number()) << i;
  EXPECT_EQ(body.at("usage").at("prompt_tokens_details").at("cached_tokens"), 0);
}

TEST(CompletionLogprobsTest, APromptMayFillTheContextIfNoAnswerIsAskedFor) {
  ApiBench api(/*max_context=*/64);
  const std::vector<TokenId> prompt(64, 300);
  const json asked = {{"logprobs", 0}, {"echo", true}, {"max_tokens", 0}};
  EXPECT_EQ(
      ChoiceOf(api.Post(kCompletions, CompletionBody(prompt, asked))).at("logprobs").at("tokens").size(),
      64u);
  const std::vector<TokenId> longer(65, 300);
  EXPECT_EQ(BodyOf(api.Post(kCompletions, CompletionBody(longer, asked))).at("error").at("code"),
            "context_length_exceeded");
}

TEST(CompletionLogprobsTest, ThePromptOfSeveralChoicesIsComputedAndToldOnceForAll) {
  ApiBench api;
  std::vector<TokenId> prompt;
  for (int i = 0; i < 200; ++i) prompt.push_back(300 + i);
  api.model().Say(prompt.size(), api.tokenizer().Encode("ok"));
  const json asked = {{"logprobs", 1}, {"echo", true}, {"max_tokens", 2}, {"n", 12}};
  const json whole = BodyOf(api.Post(kCompletions, CompletionBody(prompt, asked)));
  ASSERT_EQ(whole.at("choices").size(), 12u);
  for (const json& choice : whole.at("choices")) {
    EXPECT_EQ(choice.at("logprobs"), whole.at("choices").at(0).at("logprobs"));
    EXPECT_EQ(choice.at("text"), whole.at("choices").at(0).at("text"));
  }
  EXPECT_EQ(whole.at("choices").at(0).at("logprobs").at("tokens").size(), prompt.size() + 1);
  EXPECT_LT(api.engine().Stats().rows, 2 * 200) << "not computed for each choice";

  json body = CompletionBody(prompt, asked);
  body["stream"] = true;
  std::vector<std::string> texts(12);
  std::vector<json> told(12, json::array());
  for (const json& chunk : Chunks(api.Post(kCompletions, body))) {
    const json& choice = chunk.at("choices").at(0);
    const auto index = choice.at("index").get<size_t>();
    texts.at(index) += choice.at("text").get<std::string>();
    if (choice.at("logprobs").is_null()) continue;
    for (const json& logprob : choice.at("logprobs").at("token_logprobs")) told.at(index).push_back(logprob);
  }
  for (size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(texts[i], whole.at("choices").at(i).at("text"));
    EXPECT_EQ(told[i], whole.at("choices").at(i).at("logprobs").at("token_logprobs"));
  }
}

TEST(TokenIdsTest, BothEndpointsTellThemWhenAsked) {
  ApiBench api;
  api.AnswerChat("Hello", "Hi 🗽");
  const auto answer = api.tokenizer().Encode("Hi 🗽");
  const json chat = BodyOf(api.Post(kChat, ChatBody({{"return_token_ids", true}})));
  EXPECT_EQ(chat.at("choices").at(0).at("token_ids"), json(answer));
  EXPECT_EQ(chat.at("prompt_token_ids"), json(api.model().last_prompt()));
  EXPECT_TRUE(chat.at("choices").at(0).at("logprobs").is_null());

  json streamed = json::array();
  int with_prompt = 0;
  for (const json& chunk :
       Chunks(api.Post(kChat, ChatBody({{"return_token_ids", true}, {"stream", true}})))) {
    with_prompt += chunk.contains("prompt_token_ids");
    if (chunk.at("choices").at(0).contains("token_ids"))
      for (const json& id : chunk.at("choices").at(0).at("token_ids")) streamed.push_back(id);
  }
  EXPECT_EQ(streamed, json(answer));
  EXPECT_EQ(with_prompt, 1);

  api.model().Say(2, answer);
  const json completion =
      BodyOf(api.Post(kCompletions, CompletionBody({{72, 101}, {72, 102}},
                                                   {{"return_token_ids", true}, {"echo", true}, {"n", 2}})));
  const std::vector<json> prompts = {{72, 101}, {72, 101}, {72, 102}, {72, 102}};
  ASSERT_EQ(completion.at("choices").size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(completion.at("choices").at(i).at("token_ids"), json(answer));
    EXPECT_EQ(completion.at("choices").at(i).at("prompt_token_ids"), prompts[i]);
  }
}

TEST(IgnoreEosTest, OnlyTheLimitEndsTheAnswer) {
  ApiBench api;
  api.AnswerChat("Hello", "Hi");
  const json choice = ChoiceOf(
      api.Post(kChat, ChatBody({{"ignore_eos", true}, {"max_tokens", 9}, {"return_token_ids", true}})));
  EXPECT_EQ(choice.at("finish_reason"), "length");
  EXPECT_EQ(choice.at("token_ids").size(), 9u);
  EXPECT_EQ(choice.at("message").at("content"), "Hi") << "a special token has no text";
}

TEST(BestOfTest, TheMostProbableOfTheChoicesAreSentInOrder) {
  ApiBench api;
  api.model().SayForEver(api.tokenizer().Encode("x").at(0));
  const json asked = {{"temperature", 2}, {"seed", 5}, {"max_tokens", 6}, {"logprobs", 0}};
  json all_body = CompletionBody("Hi", asked);
  all_body["n"] = 12;
  std::vector<std::pair<double, std::string>> all;
  const json answered = BodyOf(api.Post(kCompletions, all_body));
  for (const json& choice : answered.at("choices")) {
    double sum = 0;
    for (const json& logprob : choice.at("logprobs").at("token_logprobs")) sum += logprob.get<double>();
    const auto count = static_cast<double>(choice.at("logprobs").at("token_logprobs").size());
    all.emplace_back(-sum / count, choice.at("text"));
  }
  std::ranges::stable_sort(all, {}, &std::pair<double, std::string>::first);
  ASSERT_LT(all.front().first, all.back().first);

  json best_body = CompletionBody("Hi", asked);
  best_body["n"] = 2;
  best_body["best_of"] = 12;
  best_body.erase("logprobs");
  const json best = BodyOf(api.Post(kCompletions, best_body));
  ASSERT_EQ(best.at("choices").size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(best.at("choices").at(i).at("index"), i);
    EXPECT_EQ(best.at("choices").at(i).at("text"), all[i].second);
    EXPECT_TRUE(best.at("choices").at(i).at("logprobs").is_null());
  }
  EXPECT_GT(best.at("usage").at("completion_tokens"), 12) << "all that were computed count";
}

TEST(TokenTextTest, BytesThatAreNoCharacterAreWrittenInHex) {
  ApiBench api;
  const auto tokens = api.tokenizer().Encode("🗽");
  ASSERT_GT(tokens.size(), 1u);
  EXPECT_EQ(TokenText(api.tokenizer(), tokens[0]).substr(0, 4), "\\xf0");
  EXPECT_EQ(TokenKey(api.tokenizer(), tokens[0]).substr(0, 10), "bytes:\\xf0");
  EXPECT_EQ(TokenText(api.tokenizer(), api.tokenizer().bos()), "<|begin_of_text|>");
  EXPECT_EQ(TokenKey(api.tokenizer(), api.tokenizer().Encode("x").at(0)), "x");
}

}  // namespace
}  // namespace puna
