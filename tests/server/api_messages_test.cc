// Anthropic's API over the engine with a model that says what it is told to.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "server/api/messages/message_stream.h"
#include "server/routes.h"
#include "tests/server/api_test_support.h"

namespace puna {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

constexpr const char* kMessages = "/v1/messages";

json Body(const json& more = json::object()) {
  json body = {{"model", "demo"}, {"messages", {{{"role", "user"}, {"content", "Hi"}}}}, {"max_tokens", 60}};
  body.update(more);
  return body;
}

json Weather(const char* name = "get_weather") {
  json tool = json::parse(
      R"({"description": "The weather in a city",
          "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                           "required": ["city"], "additionalProperties": false}})");
  tool["name"] = name;
  return tool;
}

int PromptTokens(ApiBench& api, const json& body) {
  const json counted = BodyOf(api.Post("/v1/messages/count_tokens", body));
  EXPECT_TRUE(counted.contains("input_tokens")) << counted.dump();
  return counted.value("input_tokens", 0);
}

// Makes the model answer this request so.
void Say(ApiBench& api, const json& body, const std::string& answer) {
  api.model().Say(static_cast<size_t>(PromptTokens(api, body)), api.tokenizer().Encode(answer));
}

json Answer(ApiBench& api, const json& body, const std::string& answer) {
  Say(api, body, answer);
  return BodyOf(api.Post(kMessages, body));
}

// The events of a streamed answer, pings left out; each is named as its type says.
std::vector<json> Events(const HttpResponse& response) {
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.content_type, "text/event-stream");
  RecordingWriter writer;
  response.stream(writer);
  std::vector<json> events;
  for (const SseEventText& event : writer.Events()) {
    const json data = json::parse(event.data);
    EXPECT_EQ(event.event, data.at("type"));
    if (event.event != "ping") events.push_back(data);
  }
  return events;
}

std::string Header(const HttpResponse& response, const std::string& name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return "";
}

TEST(MessagesTest, AWholeMessageHasEveryField) {
  ApiBench api;
  Say(api, Body(), "Hi there!");
  const HttpResponse response = api.Post(kMessages, Body());
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(Header(response, "request-id"), "req-0");
  json message = BodyOf(response);
  EXPECT_THAT(message.at("id").get<std::string>(), MatchesRegex("msg_[0-9A-Za-z]{29}"));
  message.erase("id");
  const size_t prompt = api.model().last_prompt().size();
  const size_t output = api.tokenizer().Encode("Hi there!").size();
  const json usage = {{"input_tokens", prompt},       {"cache_creation_input_tokens", 0},
                      {"cache_read_input_tokens", 0}, {"cache_creation", nullptr},
                      {"output_tokens", output},      {"output_tokens_details", nullptr},
                      {"server_tool_use", nullptr},   {"service_tier", nullptr},
                      {"inference_geo", nullptr},     {"speed", nullptr}};
  json expected = json::parse(
      R"({"type": "message", "role": "assistant", "model": "demo", "stop_reason": "end_turn", "stop_sequence": null,
          "content": [{"type": "text", "text": "Hi there!", "citations": null}], "stop_details": null,
          "container": null, "diagnostics": null})");
  expected["usage"] = usage;
  EXPECT_EQ(message, expected);
}

TEST(MessagesTest, TokensFoundInTheCacheAreNoInput) {
  ApiBench api;
  const json first = Answer(api, Body(), "Hi there!");
  const json again = BodyOf(api.Post(kMessages, Body()));
  const json& usage = again.at("usage");
  EXPECT_GT(usage.at("cache_read_input_tokens"), 0);
  EXPECT_EQ(usage.at("input_tokens").get<int>() + usage.at("cache_read_input_tokens").get<int>(),
            first.at("usage").at("input_tokens"));
}

TEST(MessagesTest, TheReasonOfTheEndIsTold) {
  ApiBench api(/*max_context=*/64);
  const auto end = [&api](const json& more) {
    const json message = Answer(api, Body(more), "one two three four five");
    return std::pair(message.value("stop_reason", message.dump()), message.value("stop_sequence", json()));
  };
  EXPECT_EQ(end(json::object()), std::pair(std::string("end_turn"), json()));
  EXPECT_EQ(end({{"max_tokens", 2}}), std::pair(std::string("max_tokens"), json()));
  EXPECT_EQ(end({{"stop_sequences", {"never", "three", "four"}}}),
            std::pair(std::string("stop_sequence"), json("three")));
  // More than the context has is what clients made for larger models ask for.
  api.model().SayForEver(api.tokenizer().Encode("x").at(0));
  const json cut = BodyOf(api.Post(kMessages, Body({{"max_tokens", 32000}})));
  EXPECT_EQ(cut.value("stop_reason", cut.dump()), "model_context_window_exceeded");
}

TEST(MessagesTest, ATooLongPromptIsRefusedInTheWordsThatClientsKnow) {
  ApiBench api(/*max_context=*/64);
  const std::string text(500, 'x');
  const HttpResponse response =
      api.Post(kMessages, Body({{"messages", {{{"role", "user"}, {"content", text}}}}}));
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(BodyOf(response).at("error").at("message").get<std::string>(),
              MatchesRegex("prompt is too long: [0-9]+ tokens > 63 maximum"));
}

TEST(MessagesTest, AnAnswerThatWasBegunGoesOn) {
  ApiBench api;
  const json body = Body(
      {{"messages", {{{"role", "user"}, {"content", "Hi"}}, {{"role", "assistant"}, {"content", "Good"}}}}});
  EXPECT_EQ(Answer(api, body, " morning")["content"][0]["text"], " morning");
  const auto prompt = api.model().last_prompt();
  const auto begun = api.tokenizer().Encode("Good");
  EXPECT_TRUE(std::equal(begun.rbegin(), begun.rend(), prompt.rbegin()));
  EXPECT_EQ(static_cast<int>(prompt.size()), PromptTokens(api, body));
}

TEST(MessagesTest, AnEmptyAnswerHasNoBlocks) {
  ApiBench api;
  const json message = Answer(api, Body(), "");
  EXPECT_EQ(message.at("content"), json::array());
  EXPECT_EQ(message.at("stop_reason"), "end_turn");
  std::vector<std::string> types;
  for (const json& event : Events(api.Post(kMessages, Body({{"stream", true}}))))
    types.push_back(event["type"]);
  EXPECT_THAT(types, ElementsAre("message_start", "message_delta", "message_stop"));
}

TEST(MessagesTest, AStreamIsItsBlocksBetweenTheBeginningAndTheEnd) {
  ApiBench api;
  Say(api, Body(), "Hi there!");
  const auto events = Events(api.Post(kMessages, Body({{"stream", true}})));
  ASSERT_GE(events.size(), 6u);
  const json& message = events[0].at("message");
  EXPECT_EQ(events[0].at("type"), "message_start");
  EXPECT_EQ(message.at("content"), json::array());
  EXPECT_TRUE(message.at("stop_reason").is_null());
  EXPECT_EQ(message.at("usage").at("output_tokens"), 0);
  EXPECT_EQ(events[1], json::parse(R"({"type": "content_block_start", "index": 0,
                                       "content_block": {"type": "text", "text": "", "citations": null}})"));
  std::string text;
  for (size_t i = 2; i + 3 < events.size(); ++i) {
    EXPECT_EQ(events[i].at("type"), "content_block_delta");
    EXPECT_EQ(events[i].at("index"), 0);
    EXPECT_EQ(events[i].at("delta").at("type"), "text_delta");
    text += events[i].at("delta").at("text");
  }
  EXPECT_EQ(text, "Hi there!");
  EXPECT_EQ(events[events.size() - 3], json::parse(R"({"type": "content_block_stop", "index": 0})"));
  const json& end = events[events.size() - 2];
  EXPECT_EQ(end.at("type"), "message_delta");
  EXPECT_EQ(end.at("delta").at("stop_reason"), "end_turn");
  EXPECT_EQ(end.at("usage").at("output_tokens"), api.tokenizer().Encode("Hi there!").size());
  EXPECT_EQ(end.at("usage").at("input_tokens"), message.at("usage").at("input_tokens"));
  EXPECT_EQ(events.back(), json::parse(R"({"type": "message_stop"})"));
}

constexpr const char* kTwoCalls =
    R"({"name": "get_weather", "parameters": {"city": "Par\"is", "days": 3}}; {"name": "other", "parameters": {"city": "Rome"}})";

TEST(MessagesToolsTest, CallsAreBlocksWithTheirInput) {
  ApiBench api;
  const json message = Answer(api, Body({{"tools", {Weather(), Weather("other")}}}), kTwoCalls);
  EXPECT_EQ(message.at("stop_reason"), "tool_use");
  const json& content = message.at("content");
  ASSERT_EQ(content.size(), 2u) << message.dump();
  EXPECT_EQ(content[0].at("type"), "tool_use");
  EXPECT_THAT(content[0].at("id").get<std::string>(), StartsWith("toolu_"));
  EXPECT_NE(content[0].at("id"), content[1].at("id"));
  EXPECT_EQ(content[0].at("name"), "get_weather");
  EXPECT_EQ(content[0].at("input"), json::parse(R"({"city": "Par\"is", "days": 3})"));
  EXPECT_EQ(content[1].at("name"), "other");
  EXPECT_EQ(content[1].at("input"), json::parse(R"({"city": "Rome"})"));
}

TEST(MessagesToolsTest, CallsAreStreamedAsBlocksOfJson) {
  ApiBench api;
  json body = Body({{"tools", {Weather(), Weather("other")}}});
  Say(api, body, kTwoCalls);
  body["stream"] = true;
  std::vector<std::string> order;
  std::vector<std::string> inputs;
  for (const json& event : Events(api.Post(kMessages, body))) {
    const std::string type = event["type"];
    if (order.empty() || order.back() != type) order.push_back(type);
    if (type == "content_block_start") {
      EXPECT_EQ(event["index"], inputs.size());
      EXPECT_EQ(event["content_block"]["type"], "tool_use");
      EXPECT_EQ(event["content_block"]["input"], json::object());
      inputs.emplace_back();
    }
    if (type == "content_block_delta") {
      EXPECT_EQ(event["index"], inputs.size() - 1);
      EXPECT_EQ(event["delta"]["type"], "input_json_delta");
      inputs.back() += event["delta"]["partial_json"];
    }
    if (type == "message_delta") {
      EXPECT_EQ(event["delta"]["stop_reason"], "tool_use");
    }
  }
  EXPECT_THAT(order, ElementsAre("message_start", "content_block_start", "content_block_delta",
                                 "content_block_stop", "content_block_start", "content_block_delta",
                                 "content_block_stop", "message_delta", "message_stop"));
  EXPECT_THAT(inputs, ElementsAre(R"({"city": "Par\"is", "days": 3})", R"({"city": "Rome"})"));
}

TEST(MessagesToolsTest, TextStaysTextWhereTheModelDecides) {
  ApiBench api;
  const json message = Answer(api, Body({{"tools", {Weather()}}}), "{ is a brace.");
  EXPECT_EQ(message["content"],
            json::parse(R"([{"type": "text", "text": "{ is a brace.", "citations": null}])"));
  EXPECT_EQ(message["stop_reason"], "end_turn");
}

TEST(MessagesToolsTest, TheChoiceOfAToolIsEnforced) {
  const auto blocks = [](const json& choice, const char* said) {
    ApiBench api;
    const json body =
        Body({{"tools", {Weather(), Weather("other")}}, {"tool_choice", choice}, {"max_tokens", 200}});
    return Answer(api, body, said)["content"];
  };
  const json any = blocks({{"type", "any"}}, "I would rather not.");
  EXPECT_EQ(any[0]["type"], "tool_use") << any.dump();
  const json named = blocks({{"type", "tool"}, {"name", "other"}}, "I would rather not.");
  EXPECT_EQ(named[0]["name"], "other") << named.dump();
  const json none = blocks({{"type", "none"}}, kTwoCalls);
  EXPECT_EQ(none, json::array({{{"type", "text"}, {"text", kTwoCalls}, {"citations", nullptr}}}));
  const json one = blocks({{"type", "auto"}, {"disable_parallel_tool_use", true}}, kTwoCalls);
  EXPECT_EQ(one.size(), 1u) << one.dump();
}

TEST(MessagesToolsTest, ACallThatIsCutOffHasNoInput) {
  ApiBench api;
  const std::string written = R"({"name": "get_weather", "parameters": {"city": "a very)";
  const size_t limit = api.tokenizer().Encode(written).size();
  const json message =
      Answer(api, Body({{"tools", {Weather()}}, {"max_tokens", limit}}), written + R"( long name"}})");
  EXPECT_EQ(message["stop_reason"], "max_tokens");
  ASSERT_EQ(message["content"].size(), 1u) << message.dump();
  EXPECT_EQ(message["content"][0]["input"], json::object());
}

TEST(MessagesToolsTest, AnAnswerMayHaveASchema) {
  ApiBench api;
  const json format =
      json::parse(R"({"format": {"type": "json_schema", "schema": {"enum": ["red", "green"]}}})");
  const json message = Answer(api, Body({{"output_config", format}}), "Certainly! It is blue.");
  EXPECT_THAT(message["content"][0]["text"].get<std::string>(), testing::AnyOf("\"red\"", "\"green\""));
}

TEST(MessagesErrorTest, RefusalsHaveAnthropicsForm) {
  ApiBench api;
  const auto expect = [](const HttpResponse& response, int status, const char* type) {
    EXPECT_EQ(response.status, status) << response.body;
    const json body = BodyOf(response);
    EXPECT_EQ(body.at("type"), "error");
    EXPECT_EQ(body.at("error").at("type"), type);
    EXPECT_EQ(body.at("error").size(), 2u);
    EXPECT_EQ(body.at("request_id"), "req-0");
    EXPECT_EQ(Header(response, "request-id"), "req-0");
  };
  expect(api.Post(kMessages, std::string("{")), 400, "invalid_request_error");
  expect(api.Post(kMessages, Body({{"model", "claude"}})), 404, "not_found_error");
  expect(api.Post("/v1/messages/count_tokens", Body({{"model", "claude"}})), 404, "not_found_error");
  api.served().draining = true;
  expect(api.Post(kMessages, Body()), 503, "api_error");
}

TEST(MessagesErrorTest, AFullQueueIs529) {
  ApiBench api(/*max_context=*/512, /*max_queue=*/1);
  api.model().SayForEver(api.tokenizer().Encode("x").at(0));
  std::vector<HttpResponse> held;  // streams that nobody reads run on
  HttpResponse response;
  for (int i = 0; i < 2000 && response.status == 200; ++i) {
    response = api.Post(kMessages, Body({{"stream", true}, {"max_tokens", 400}}));
    held.push_back(response);
  }
  ASSERT_EQ(response.status, 529);
  EXPECT_NE(Header(response, "Retry-After"), "");
  EXPECT_EQ(BodyOf(response).at("error").at("type"), "overloaded_error");
}

TEST(MessagesErrorTest, AStreamThatCannotFinishEndsWithAnErrorEvent) {
  ApiBench api(/*max_context=*/500'000);
  api.model().SayForEver(api.tokenizer().Encode("x").at(0));
  const HttpResponse response = api.Post(kMessages, Body({{"stream", true}, {"max_tokens", 400'000}}));
  ASSERT_EQ(response.status, 200);
  api.engine().Stop(std::chrono::milliseconds(0));
  const auto events = Events(response);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().at("type"), "error");
  EXPECT_EQ(events.back().at("error").at("type"), "api_error");
}

TEST(MessagesErrorTest, AKeyMayComeInEitherHeader) {
  const ApiKeys keys({"secret"});
  const auto check = [&keys](std::map<std::string, std::string> headers) {
    HttpRequest http;
    http.headers = std::move(headers);
    keys.Check(http);
  };
  EXPECT_NO_THROW(check({{"x-api-key", "secret"}}));
  EXPECT_NO_THROW(check({{"authorization", "Bearer secret"}, {"x-api-key", "none"}}));
  EXPECT_THROW(check({{"x-api-key", "secre"}}), RequestError);
  EXPECT_THROW(check({{"x-api-key", ""}}), RequestError);
  EXPECT_THROW(check({}), RequestError);
}

// Computes nothing before it is told to.
class HeldModel final : public LanguageModel {
 public:
  explicit HeldModel(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void Go() { go_.set_value(); }

  std::span<const float> Forward(const Batch& batch) override {
    told_.wait();
    logits_.assign(batch.rows.size() * static_cast<size_t>(vocab_size()), 0.0f);
    for (size_t row = 0; row < batch.rows.size(); ++row) {
      const size_t end = static_cast<size_t>(tokenizer_.stop_tokens().back());
      logits_[row * static_cast<size_t>(vocab_size()) + end] = 10.0f;
    }
    return logits_;
  }
  std::span<const float> Hidden() const override { return {}; }
  int vocab_size() const override { return tokenizer_.vocab_size(); }
  int hidden_size() const override { return 1; }

 private:
  const Tokenizer& tokenizer_;
  std::promise<void> go_;
  std::shared_future<void> told_ = go_.get_future().share();
  std::vector<float> logits_;
};

// Lets the model go on once two pings have come: the one of the beginning, and one of the time it has waited.
class PingCounter final : public BodyWriter {
 public:
  explicit PingCounter(HeldModel& model) : model_(model) {}
  bool Write(std::string_view bytes) override {
    if (bytes.find("event: ping\n") != std::string_view::npos && ++pings_ == 2) model_.Go();
    text_ += bytes;
    return true;
  }
  bool ClientGone() override { return false; }
  const std::string& text() const { return text_; }

 private:
  HeldModel& model_;
  int pings_ = 0;
  std::string text_;
};

TEST(MessagesTest, PingsAreSentWhileALongPromptIsRead) {
  ApiBench api;  // for its tokenizer
  HeldModel model(api.tokenizer());
  EngineOptions options;
  options.max_context = 64;
  options.num_kv_blocks = 16;
  Engine engine(model, options);
  AnswerRequest request;
  request.engine.prompt = {1, 2, 3};
  request.engine.max_tokens = 5;
  request.engine.stop_tokens = {api.tokenizer().stop_tokens().back()};
  const HttpResponse response =
      StreamedMessage(Answers(engine, api.tokenizer(), {request}),
                      MessageEvents({"msg_1", "demo", "req-0"}, false, false), std::chrono::milliseconds(0));
  PingCounter writer(model);
  response.stream(writer);
  EXPECT_THAT(writer.text(), HasSubstr("event: message_stop\n"));
}

}  // namespace
}  // namespace puna
