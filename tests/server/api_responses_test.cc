// /v1/responses over a model that says what it was told to.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/api/responses/conversation_item.h"
#include "server/api/responses/response_owner.h"
#include "tests/server/api_test_support.h"
#include "tokenizer/chat_format.h"

namespace puna {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kResponses = "/v1/responses";

json Body(json more = json::object()) {
  json body = {{"model", "demo"}, {"input", "Hi"}, {"max_output_tokens", 40}};
  body.update(more);
  return body;
}

json Weather() {
  return json::parse(
      R"({"type": "function", "name": "get_weather", "description": "The weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
                   "additionalProperties": false}})");
}

class ResponsesTest : public testing::Test {
 protected:
  json Create(const json& body) { return BodyOf(api_.Post(kResponses, body)); }
  json Get(const std::string& path, const std::string& query = "") {
    return BodyOf(api_.Get(std::string(kResponses) + "/" + path, "", query));
  }

  // Makes the model answer the request so, whatever its prompt is.
  void Say(const json& body, const std::string& answer) {
    json question = body;
    question["max_output_tokens"] = 1;
    question["stream"] = false;
    question["store"] = false;
    const json counted = Create(question);
    ASSERT_TRUE(counted.contains("usage")) << counted.dump();
    api_.model().Say(counted["usage"]["input_tokens"].get<size_t>(), api_.tokenizer().Encode(answer));
  }

  // What the model is shown for the request: asked with the same store of a server that has computed nothing
  // yet, as what is cached is not shown again.
  std::vector<TokenId> Prompt(json body) {
    ApiBench fresh;
    std::swap(fresh.state().responses, api_.state().responses);
    body["store"] = false;
    fresh.model().Say(/*prompt_tokens=*/1'000'000, {});
    EXPECT_EQ(fresh.Post(kResponses, body).status, 200);
    std::swap(fresh.state().responses, api_.state().responses);
    return fresh.model().last_prompt();
  }
  std::string PromptText(const json& body) {
    std::string text;
    for (const TokenId token : Prompt(body))
      text += api_.tokenizer().IsSpecial(token) ? "|" : api_.tokenizer().Bytes(token);
    return text;
  }
  std::vector<TokenId> ChatOf(const std::vector<ChatMessage>& messages) {
    return EncodeChat(ChatFormat::kLlama3, api_.tokenizer(), messages);
  }

  json Refusal(const json& more) {
    const HttpResponse response = api_.Post(kResponses, Body(more));
    EXPECT_EQ(response.status, 400) << more.dump();
    return BodyOf(response)["error"];
  }

  ApiBench api_;
};

TEST_F(ResponsesTest, AStringIsAnsweredWithOneMessage) {
  Say(Body(), "Hello there.");
  const json response = Create(Body());
  EXPECT_THAT(response["id"].get<std::string>(), StartsWith("resp_"));
  EXPECT_EQ(response["object"], "response");
  EXPECT_EQ(response["status"], "completed");
  ASSERT_EQ(response["output"].size(), 1u);
  const json item = response["output"][0];
  EXPECT_EQ(item["type"], "message");
  EXPECT_EQ(item["role"], "assistant");
  EXPECT_EQ(item["status"], "completed");
  EXPECT_EQ(item["content"][0],
            json::parse(R"({"type":"output_text","annotations":[],"logprobs":[],"text":"Hello there."})"));
  EXPECT_EQ(response["usage"]["total_tokens"],
            response["usage"]["input_tokens"].get<int>() + response["usage"]["output_tokens"].get<int>());
  EXPECT_EQ(response["usage"]["output_tokens_details"]["reasoning_tokens"], 0);
}

TEST_F(ResponsesTest, InstructionsAndItemsBecomeTheMessagesOfAChat) {
  const json body = Body({{"instructions", "Be brief."},
                          {"input", json::parse(R"([{"role": "developer", "content": "In English."},
      {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What"}, {"type": "input_text", "text": " now?"}]},
      {"role": "assistant", "content": [{"type": "output_text", "text": "Wait.", "annotations": []}]},
      {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"a\": 1}"},
      {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
      {"type": "function_call_output", "call_id": "c1", "output": "seven"},
      {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "eight"}]}])")}});
  const std::vector<ChatMessage> messages = {
      {"system", "Be brief."},
      {"system", "In English."},
      {"user", "What now?"},
      {"assistant",
       "Wait.\n{\"name\": \"f\", \"parameters\": {\"a\": 1}}; {\"name\": \"g\", \"parameters\": {}}"},
      {"ipython", "seven"},
      {"ipython", "eight"}};
  EXPECT_EQ(Prompt(body), ChatOf(messages));
}

TEST_F(ResponsesTest, TheAnswerRepeatsWhatWasAskedFor) {
  const json more =
      json::parse(R"({"instructions": "Be brief.", "temperature": 0.5, "top_p": 0.25, "truncation": "auto",
      "metadata": {"a": "b"}, "user": "me", "parallel_tool_calls": false, "tool_choice": "auto",
      "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object", "properties": {"z": {"type": "null"}, "a": {"type": "null"}}, "required": ["z"]}}}})");
  json asked = Body(more);
  asked["tools"] = json::array({Weather()});
  const json response = Create(asked);
  for (const char* member : {"instructions", "temperature", "top_p", "truncation", "metadata", "user",
                             "parallel_tool_calls", "tool_choice", "max_output_tokens"})
    EXPECT_EQ(response[member], asked[member]) << member;
  EXPECT_EQ(response["text"]["format"]["strict"], false);
  EXPECT_EQ(response["tools"][0]["strict"], true) << "unlike those of chats";
  EXPECT_EQ(response["tools"][0]["parameters"], Weather()["parameters"]);
  const HttpResponse ordered =
      api_.Post(kResponses, std::string(R"({"model": "demo", "input": "Hi", "max_output_tokens": 1,
      "tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {"z": {"type": "null"}, "a": {}}}}]})"));
  EXPECT_THAT(ordered.body, HasSubstr(R"("properties":{"z":{"type":"null"},"a":{}})")) << "in its order";
}

TEST_F(ResponsesTest, ALimitMakesTheResponseIncomplete) {
  Say(Body(), "One two three four five six seven.");
  const json response = Create(Body({{"max_output_tokens", 3}}));
  EXPECT_EQ(response["status"], "incomplete");
  EXPECT_EQ(response["incomplete_details"]["reason"], "max_output_tokens");
  EXPECT_EQ(response["output"][0]["status"], "incomplete");
  EXPECT_EQ(response["usage"]["output_tokens"], 3);
}

TEST_F(ResponsesTest, TheTextFormatIsEnforced) {
  const json body =
      Body({{"text", {{"format", json::parse(R"({"type": "json_schema", "name": "colour", "strict": true,
      "schema": {"type": "object", "properties": {"colour": {"enum": ["red"]}}, "required": ["colour"], "additionalProperties": false}})")}}}});
  Say(body, R"({"colour": "red"} and then some more)");
  const json content = Create(body)["output"][0]["content"][0]["text"];
  EXPECT_EQ(json::parse(content.get<std::string>()), json::parse(R"({"colour": "red"})"));
}

TEST_F(ResponsesTest, ACallIsAnItemOfItsOwn) {
  json body = Body();
  body["tools"] = json::array({Weather()});
  Say(body,
      R"({"name": "get_weather", "parameters": {"city": "Paris"}}; {"name": "get_weather", "parameters": {"city": "Rome"}})");
  const json response = Create(body);
  ASSERT_EQ(response["output"].size(), 2u) << response.dump();
  for (const json& item : response["output"]) {
    EXPECT_EQ(item["type"], "function_call");
    EXPECT_EQ(item["status"], "completed");
    EXPECT_EQ(item["name"], "get_weather");
    EXPECT_THAT(item["id"].get<std::string>(), StartsWith("fc_"));
    EXPECT_THAT(item["call_id"].get<std::string>(), StartsWith("call_"));
  }
  EXPECT_EQ(response["output"][1]["arguments"], R"({"city": "Rome"})");
}

TEST_F(ResponsesTest, ToolChoiceIsEnforcedInItsFlatForm) {
  json other = Weather();
  other["name"] = "other";
  for (const json& choice : {json("required"), json{{"type", "function"}, {"name", "other"}},
                             json{{"type", "allowed_tools"},
                                  {"mode", "required"},
                                  {"tools", json::array({{{"type", "function"}, {"name", "other"}}})}}}) {
    json body = Body({{"tool_choice", choice}, {"max_output_tokens", 250}});
    body["tools"] = {Weather(), other};
    Say(body, "I would rather talk.");
    const json item = Create(body)["output"][0];
    EXPECT_EQ(item["type"], "function_call") << choice.dump();
    if (choice.is_object()) {
      EXPECT_EQ(item.value("name", ""), "other");
    }
  }
}

TEST_F(ResponsesTest, AStreamTellsEveryStepWithItsNumber) {
  json body = Body({{"stream", true}});
  Say(body, "Hello there.");
  const std::vector<json> events = ResponseEventsOf(api_.Post(kResponses, body));
  std::vector<std::string> types;
  std::string text;
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i]["sequence_number"], i);
    const auto type = events[i]["type"].get<std::string>();
    if (type == "response.output_text.delta") text += events[i]["delta"].get<std::string>();
    if (types.empty() || types.back() != type) types.push_back(type);
  }
  EXPECT_THAT(types, ElementsAre("response.created", "response.in_progress", "response.output_item.added",
                                 "response.content_part.added", "response.output_text.delta",
                                 "response.output_text.done", "response.content_part.done",
                                 "response.output_item.done", "response.completed"));
  EXPECT_EQ(text, "Hello there.");
  const json response = events.back()["response"];
  EXPECT_EQ(response["output"][0], events[events.size() - 2]["item"]);
  EXPECT_EQ(response["id"], events.front()["response"]["id"]);
  EXPECT_TRUE(events.front()["response"]["output"].empty());
  EXPECT_EQ(Get(response["id"].get<std::string>()), response) << "what was streamed is kept";
}

TEST_F(ResponsesTest, AStreamedCallTellsItsArgumentsAsTheyGrow) {
  json body = Body({{"stream", true}});
  body["tools"] = json::array({Weather()});
  Say(body, R"({"name": "get_weather", "parameters": {"city": "Paris"}})");
  std::string arguments;
  std::vector<std::string> types;
  for (const json& event : ResponseEventsOf(api_.Post(kResponses, body))) {
    const auto type = event["type"].get<std::string>();
    if (type == "response.function_call_arguments.delta") arguments += event["delta"].get<std::string>();
    if (type == "response.function_call_arguments.done") {
      EXPECT_EQ(event["arguments"], arguments);
    }
    if (types.empty() || types.back() != type) types.push_back(type);
  }
  EXPECT_THAT(types,
              ElementsAre("response.created", "response.in_progress", "response.output_item.added",
                          "response.function_call_arguments.delta", "response.function_call_arguments.done",
                          "response.output_item.done", "response.completed"));
  EXPECT_EQ(arguments, R"({"city": "Paris"})");
}

TEST_F(ResponsesTest, AStreamThatCannotGoOnEndsWithAFailedResponse) {
  ApiBench api(/*max_context=*/500'000);
  std::swap(api.state().responses, api_.state().responses);
  api.model().SayForEver(api.tokenizer().Encode("x").at(0));
  api.served().request_timeout = std::chrono::milliseconds(1);
  const HttpResponse response =
      api.Post(kResponses, Body({{"stream", true}, {"max_output_tokens", 400'000}}));
  const json last = ResponseEventsOf(response).back();
  EXPECT_EQ(last["type"], "response.failed");
  EXPECT_EQ(last["response"]["status"], "failed");
  EXPECT_EQ(last["response"]["error"]["code"], "server_error");
  std::swap(api.state().responses, api_.state().responses);
  EXPECT_EQ(Get(last["response"]["id"].get<std::string>()).count("error"), 1u) << "it is not kept";
}

TEST_F(ResponsesTest, LogprobsComeIfTheyAreIncluded) {
  const json body = Body({{"include", json::array({"message.output_text.logprobs"})}, {"top_logprobs", 2}});
  Say(body, "Hello there.");
  const json response = Create(body);
  const json part = response["output"][0]["content"][0];
  ASSERT_FALSE(part["logprobs"].empty());
  std::string text;
  for (const json& token : part["logprobs"]) {
    text += token["token"].get<std::string>();
    EXPECT_GE(token["top_logprobs"].size(), 2u);
    EXPECT_TRUE(token.contains("bytes"));
  }
  EXPECT_EQ(text, "Hello there.");
}

TEST_F(ResponsesTest, TheNextTurnGoesOnFromThePreviousOneWithoutItsInstructions) {
  const json first_body = Body({{"instructions", "Be brief."}});
  Say(first_body, "Hello there.");
  const json first = Create(first_body);
  const json second_body = Body({{"input", "And now?"}, {"previous_response_id", first["id"]}});
  Say(second_body, "Nothing.");
  const json second = Create(second_body);
  EXPECT_EQ(second["previous_response_id"], first["id"]);
  const std::vector<ChatMessage> messages = {
      {"user", "Hi"}, {"assistant", "Hello there."}, {"user", "And now?"}};
  EXPECT_EQ(Prompt(second_body), ChatOf(messages));

  // Also where the first turn was deleted: the second has all of it.
  EXPECT_EQ(api_.Delete(kResponses + ("/" + first["id"].get<std::string>())).status, 200);
  const json third_body = Body({{"input", "Well."}, {"previous_response_id", second["id"]}});
  EXPECT_THAT(PromptText(third_body), HasSubstr("Hello there."));
}

TEST_F(ResponsesTest, AReferenceStandsForAnItemOfAStoredResponse) {
  Say(Body(), "Hello there.");
  const json first = Create(Body());
  const json body = Body({{"input",
                           {{{"role", "user"}, {"content", "Hi"}},
                            {{"type", "item_reference"}, {"id", first["output"][0]["id"]}},
                            {{"role", "user"}, {"content", "What did you say?"}}}}});
  EXPECT_THAT(PromptText(body), HasSubstr("Hello there."));
  const HttpResponse unknown = api_.Post(
      kResponses, Body({{"input", {{{"role", "user"}, {"content", "Hi"}}, {{"id", "msg_unknown"}}}}}));
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(BodyOf(unknown)["error"]["param"], "input[1].id");
}

TEST_F(ResponsesTest, WhatIsNotStoredIsNotThere) {
  const json response = Create(Body({{"store", false}}));
  const std::string path = kResponses + ("/" + response["id"].get<std::string>());
  EXPECT_EQ(api_.Get(path).status, 404);
  EXPECT_EQ(api_.Delete(path).status, 404);
  const json error = Refusal({{"previous_response_id", response["id"]}});
  EXPECT_EQ(error["param"], "previous_response_id");
  EXPECT_EQ(error["code"], "previous_response_not_found");
}

TEST_F(ResponsesTest, AStoredResponseIsGivenBackAndDeletedOnce) {
  const json response = Create(Body());
  const std::string path = kResponses + ("/" + response["id"].get<std::string>());
  EXPECT_EQ(BodyOf(api_.Get(path)), response);
  const json deleted = BodyOf(api_.Delete(path));
  EXPECT_EQ(deleted, (json{{"id", response["id"]}, {"object", "response"}, {"deleted", true}}));
  EXPECT_EQ(api_.Get(path).status, 404);
  EXPECT_EQ(api_.Delete(path).status, 404);
}

TEST_F(ResponsesTest, InputItemsAreListedPageByPage) {
  const json body =
      Body({{"input",
             json::parse(
                 R"([{"role": "user", "content": "one"}, {"role": "user", "content": "two", "id": "msg_mine"},
      {"role": "user", "content": "three", "id": "msg_mine"}, {"type": "function_call_output", "call_id": "c", "output": "four"}])")}});
  const json first = Create(body);
  const std::string items = first["id"].get<std::string>() + "/input_items";
  std::vector<std::string> texts;
  std::string query = "limit=1&order=asc";
  for (int pages = 1; pages <= 4; ++pages) {
    const json page = Get(items, query);
    ASSERT_EQ(page["data"].size(), 1u) << page.dump();
    const json item = page["data"][0];
    EXPECT_EQ(page["first_id"], item["id"]);
    EXPECT_EQ(page["last_id"], item["id"]);
    EXPECT_EQ(page["has_more"], pages < 4);
    texts.push_back(item.contains("content") ? item["content"][0]["text"] : item["output"]);
    query = "limit=1&order=asc&after=" + item["id"].get<std::string>();
  }
  EXPECT_THAT(texts, ElementsAre("one", "two", "three", "four"));
  const json latest_first = Get(items);
  EXPECT_EQ(latest_first["data"].size(), 4u);
  EXPECT_EQ(latest_first["data"][0]["output"], "four");
  EXPECT_EQ(Get(items, "after=nobody")["error"]["param"], "after");
  EXPECT_EQ(Get(items, "limit=0")["error"]["param"], "limit");
  EXPECT_EQ(Get(items, "limit=101")["error"]["param"], "limit");
  EXPECT_EQ(Get(items, "order=up")["error"]["param"], "order");
  EXPECT_EQ(Get("resp_unknown/input_items").at("error").at("type"), "invalid_request_error");
}

TEST_F(ResponsesTest, AResponseBelongsToTheKeyThatMadeIt) {
  ApiBench api(/*max_context=*/512, /*max_queue=*/64, {"anna", "ben"});
  const json response = BodyOf(api.Post(kResponses, Body().dump(), "Bearer anna"));
  const std::string path = kResponses + ("/" + response["id"].get<std::string>());
  EXPECT_EQ(api.Get(path, "Bearer ben").status, 404);
  EXPECT_EQ(api.Delete(path, "Bearer ben").status, 404);
  EXPECT_EQ(api.Get(path).status, 401);
  const json body = Body({{"previous_response_id", response["id"]}});
  EXPECT_EQ(api.Post(kResponses, body.dump(), "Bearer ben").status, 400);
  EXPECT_EQ(api.Post(kResponses, body.dump(), "Bearer anna").status, 200);
  EXPECT_EQ(api.Get(path, "bearer  anna").status, 200);
  EXPECT_NE(ResponseOwner("anna"), ResponseOwner("ben"));
  EXPECT_EQ(ResponseOwner("anna").size(), 64u);
}

TEST_F(ResponsesTest, ALongConversationIsRefusedOrCutAtItsBeginning) {
  json items = json::array();
  for (int i = 0; i < 40; ++i)
    items.push_back({{"role", "user"}, {"content", "This is message number " + std::to_string(i)}});
  json body = Body({{"input", items}, {"instructions", "Be brief."}});
  const json error = BodyOf(api_.Post(kResponses, body))["error"];
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_EQ(error["param"], "input");
  body["truncation"] = "auto";
  const std::string prompt = PromptText(body);
  EXPECT_THAT(prompt, HasSubstr("Be brief."));
  EXPECT_THAT(prompt, HasSubstr("number 39"));
  EXPECT_THAT(prompt, testing::Not(HasSubstr("number 0|")));
  EXPECT_LE(Prompt(body).size() + 40, 512u);
  EXPECT_GT(Prompt(body).size(), 400u) << "no more than needs to";
}

TEST_F(ResponsesTest, WhatIsNotSupportedIsRefusedByName) {
  const auto input = [](const char* item) { return json{{"input", json::array({json::parse(item)})}}; };
  const auto tool = [](const char* t) { return json{{"tools", json::array({json::parse(t)})}}; };
  const std::vector<std::pair<json, std::string>> refused = {
      {{{"background", true}}, "background"},
      {{{"conversation", "conv_1"}}, "conversation"},
      {{{"prompt", {{"id", "pmpt_1"}}}}, "prompt"},
      {{{"reasoning", {{"effort", "high"}}}}, "reasoning"},
      {json::parse(R"({"context_management": [{"type": "compaction"}]})"), "context_management"},
      {{{"n", 2}}, "n"},
      {tool(R"({"type": "web_search"})"), "tools[0].type"},
      {tool(R"({"type": "custom", "name": "f"})"), "tools[0].type"},
      {{{"tool_choice", {{"type", "file_search"}}}}, "tool_choice.type"},
      {input(R"({"role": "user", "content": [{"type": "input_image", "image_url": "x"}]})"),
       "input[0].content[0].type"},
      {input(R"({"role": "user", "content": [{"type": "input_file", "file_id": "x"}]})"),
       "input[0].content[0].type"},
      {input(R"({"type": "reasoning", "id": "r", "summary": []})"), "input[0].type"},
      {input(R"({"type": "web_search_call", "id": "w", "status": "completed"})"), "input[0].type"},
  };
  for (const auto& [more, param] : refused) {
    const json error = Refusal(more);
    EXPECT_EQ(error["param"], param) << more.dump();
    EXPECT_EQ(error["code"], "unsupported_parameter") << more.dump();
  }
}

TEST_F(ResponsesTest, WhatIsWrongIsRefusedWithItsPlace) {
  const auto input = [](const char* items) { return json{{"input", json::parse(items)}}; };
  const std::vector<std::pair<json, std::string>> refused = {
      {input("[]"), "input"},
      {input("5"), "input"},
      {input(R"([{"role": "robot", "content": "x"}])"), "input[0].role"},
      {input(R"([{"role": "user"}])"), "input[0].content"},
      {input(R"([{"role": "user", "content": [{"type": "output_text", "text": "x"}]}])"),
       "input[0].content[0].type"},
      {input(R"([{"role": "user", "content": [{"type": "input_text"}]}])"), "input[0].content[0].text"},
      {input(R"([{"role": "user", "content": "x", "id": "a b"}])"), "input[0].id"},
      {input(R"([{"type": "function_call", "name": "f", "arguments": "{}"}])"), "input[0].call_id"},
      {input(R"([{"type": "function_call_output", "call_id": "c"}])"), "input[0].output"},
      {{{"text", {{"format", {{"type", "yaml"}}}}}}, "text.format.type"},
      {{{"text", {{"format", {{"type", "json_schema"}, {"name", "n"}}}}}}, "text.format.schema"},
      {{{"text",
         {{"format", {{"type", "json_schema"}, {"name", "n"}, {"schema", {{"not", json::object()}}}}}}}},
       "text.format.schema.not"},
      {json::parse(
           R"({"tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "not": {}}}]})"),
       "tools[0].parameters.not"},
      {{{"tools", {Weather(), Weather()}}}, "tools[1].name"},
      {{{"tool_choice", "required"}}, "tool_choice"},
      {{{"metadata", {{"a", 5}}}}, "metadata.a"},
      {{{"metadata", {{"a", std::string(513, 'x')}}}}, "metadata"},
      {{{"include", json::array({"everything"})}}, "include[0]"},
      {{{"max_output_tokens", 0}}, "max_output_tokens"},
      {{{"truncation", "some"}}, "truncation"},
  };
  for (const auto& [more, param] : refused) EXPECT_EQ(Refusal(more)["param"], param) << more.dump();
}

TEST(ConversationItemTest, AStoredItemThatIsDamagedIsNotTheClientsFault) {
  for (const char* text : {"", "5", "{", "{}", R"({"type": "item_reference", "id": "x"})",
                           R"({"id": "y", "type": "message", "role": "user", "content": "x"})"})
    EXPECT_THROW(ReadStoredItem({"x", text}), Error) << text;
  const ConversationItem item = ReadStoredItem(
      {"x",
       R"({"id": "x", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]})"});
  EXPECT_EQ(item.message.content, "Hi");
}

}  // namespace
}  // namespace puna
