// What requests of Anthropic's form say, and what they are refused for.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/api/messages/message_request.h"

namespace puna {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

json Body(const char* more = "{}") {
  json body =
      json::parse(R"({"model": "demo", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]})");
  body.update(json::parse(more));
  return body;
}

MessageRequest Parse(const std::string& text, MessagePurpose purpose = MessagePurpose::kAnswer) {
  std::vector<std::string> unknown;
  return ParseMessageRequest(text, purpose, unknown);
}

// The message of the refusal; "" if there is none.
std::string Refusal(const std::string& text) {
  try {
    Parse(text);
  } catch (const RequestError& error) {
    EXPECT_EQ(error.status(), 400);
    return error.what();
  }
  return "";
}

std::vector<std::pair<std::string, std::string>> Messages(const std::string& text) {
  std::vector<std::pair<std::string, std::string>> messages;
  for (const ChatMessage& message : Parse(text).conversation.messages)
    messages.emplace_back(message.role, message.content);
  return messages;
}

TEST(MessageRequestTest, WhatItSaysOfTheAnswerIsRead) {
  const MessageRequest request = Parse(
      Body(R"({"temperature": 0.5, "top_p": 0.25, "top_k": 7, "stop_sequences": ["a", "b"], "stream": true})")
          .dump());
  EXPECT_EQ(request.options.model, "demo");
  EXPECT_EQ(request.max_tokens, 10);
  EXPECT_EQ(request.options.sampling.temperature, 0.5f);
  EXPECT_EQ(request.options.sampling.top_p, 0.25f);
  EXPECT_EQ(request.options.sampling.top_k, 7);
  EXPECT_THAT(request.options.stop, ElementsAre("a", "b"));
  EXPECT_TRUE(request.options.stream);
  EXPECT_FALSE(request.calls);
  EXPECT_EQ(Parse(Body().dump()).options.sampling.temperature, 0);
}

TEST(MessageRequestTest, TheSystemPromptComesFirstAndBlocksAreTextsOfTheirOwn) {
  EXPECT_THAT(Messages(Body(R"({"system": "Be brief."})").dump()),
              ElementsAre(Pair("system", "Be brief."), Pair("user", "Hi")));
  EXPECT_THAT(
      Messages(Body(R"({"system": [{"type": "text", "text": "One.", "cache_control": {"type": "ephemeral"}},
                                   {"type": "text", "text": "Two."}],
                        "messages": [{"role": "user", "content": [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]},
                                     {"role": "user", "content": "C"}]})")
                   .dump()),
      ElementsAre(Pair("system", "One.\nTwo."), Pair("user", "A\nB\nC")));
}

TEST(MessageRequestTest, CallsAndResultsStandInThePromptAsTheModelKnowsThem) {
  // As text: the order of the input's members counts.
  const auto messages = Messages(R"({"model": "demo", "max_tokens": 1, "messages": [
      {"role": "user", "content": "Weather?"},
      {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "x"}, {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"city": "Paris", "all": [1, "x", {}]}},
        {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}}]},
      {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"},
        {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": true, "content": [{"type": "text", "text": "no"}]},
        {"type": "tool_result", "tool_use_id": "toolu_3"}, {"type": "text", "text": "And?"}]}]})");
  EXPECT_THAT(
      messages,
      ElementsAre(Pair("user", "Weather?"),
                  Pair("assistant",
                       "I look.\n{\"name\": \"f\", \"parameters\": {\"city\": \"Paris\", \"all\": [1, \"x\", "
                       "{}]}}; {\"name\": \"g\", \"parameters\": {}}"),
                  Pair("ipython", "sunny"), Pair("ipython", "Error: no"), Pair("ipython", ""),
                  Pair("user", "And?")));
}

TEST(MessageRequestTest, ALastMessageOfTheAssistantBeginsTheAnswer) {
  const MessageRequest request = Parse(
      Body(
          R"({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello, my"}]})")
          .dump());
  EXPECT_EQ(request.conversation.messages.size(), 1u);
  EXPECT_EQ(request.conversation.prefill, "Hello, my");
  EXPECT_THAT(Refusal(Body(R"({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant",
                               "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]}]})")
                          .dump()),
              HasSubstr("results"));
}

TEST(MessageRequestTest, ToolsAreShownInTheOrderOfTheirSchemas) {
  const std::string text =
      R"({"model": "demo", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}],
    "tools": [{"name": "f", "description": "It fs.", "cache_control": {"type": "ephemeral"},
               "input_schema": {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "string"}}}}]})";
  const MessageRequest request = Parse(text);
  EXPECT_TRUE(request.calls);
  ASSERT_TRUE(request.options.rules.has_value());
  const auto messages = Messages(text);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].second, "Environment: ipython");
  const std::string& shown = messages[1].second;
  EXPECT_THAT(shown, HasSubstr(R"("description": "It fs.")"));
  EXPECT_LT(shown.find("\"b\""), shown.find("\"a\""));
  EXPECT_THAT(shown, testing::EndsWith("\n\nHi"));
  EXPECT_THAT(shown, testing::Not(HasSubstr("ephemeral")));
}

TEST(MessageRequestTest, WhatAgentsSendBesideIsTaken) {
  std::vector<std::string> unknown;
  const std::string text =
      Body(R"({"metadata": {"user_id": "u"}, "thinking": {"type": "enabled", "budget_tokens": 2000},
               "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
               "service_tier": "auto", "output_config": {"effort": "high"}, "cache_control": {"type": "ephemeral"},
               "mcp_servers": [], "container": null, "betas": ["x"], "zeal": 1})")
          .dump();
  const MessageRequest request = ParseMessageRequest(text, MessagePurpose::kAnswer, unknown);
  EXPECT_FALSE(request.options.rules.has_value());
  EXPECT_THAT(unknown, ElementsAre("zeal"));
}

TEST(MessageRequestTest, WhatCannotBeDoneIsRefusedByName) {
  const std::pair<const char*, const char*> refused[] = {
      {R"({"model": 5})", "'model'"},
      {R"({"max_tokens": 0})", "'max_tokens'"},
      {R"({"max_tokens": null})", "'max_tokens'"},
      {R"({"messages": []})", "'messages'"},
      {R"({"messages": [{"role": "robot", "content": "x"}]})", "'messages[0].role'"},
      {R"({"messages": [{"role": "user"}]})", "'messages[0].content'"},
      {R"({"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]})",
       "'messages[0].content[0].type'"},
      {R"({"messages": [{"role": "user", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]}]})",
       "'messages[0].content[0].type'"},
      {R"({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]})",
       "'messages[0].content[0].tool_use_id'"},
      {R"({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a",
           "content": [{"type": "document"}]}]}]})",
       "'messages[0].content[0].content[0].type'"},
      {R"({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": "x"}]},
           {"role": "user", "content": "x"}]})",
       "'messages[0].content[0].input'"},
      {R"({"system": 5})", "'system'"},
      {R"({"temperature": 1.5})", "'temperature'"},
      {R"({"stop_sequences": [""]})", "'stop_sequences[0]'"},
      {R"({"stop_sequences": "x"})", "'stop_sequences'"},
      {R"({"thinking": {"type": "deep"}})", "'thinking.type'"},
      {R"({"container": "c"})", "'container'"},
      {R"({"mcp_servers": [{}]})", "'mcp_servers'"},
      {R"({"tools": [{"type": "bash_20250124", "name": "bash"}]})", "'tools[0].type'"},
      {R"({"tools": [{"name": "f"}]})", "'tools[0].input_schema'"},
      {R"({"tools": [{"name": "a b", "input_schema": {}}]})", "'tools[0].name'"},
      {R"({"tools": [{"name": "f", "input_schema": {}}, {"name": "f", "input_schema": {}}]})",
       "'tools[1].name'"},
      {R"({"tools": [{"name": "f", "input_schema": {"type": "string"}}]})", "'tools[0].input_schema.type'"},
      {R"({"tool_choice": {"type": "any"}})", "'tool_choice'"},
      {R"({"tool_choice": "auto"})", "'tool_choice'"},
      {R"({"tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "tool", "name": "g"}})",
       "'tool_choice.name'"},
      {R"({"output_config": {"format": {"type": "yaml"}}})", "'output_config.format.type'"},
      {R"({"output_config": {"format": {"type": "json_schema"}}})", "'output_config.format.schema'"},
  };
  for (const auto& [more, name] : refused) EXPECT_THAT(Refusal(Body(more).dump()), HasSubstr(name)) << more;
}

TEST(MessageRequestTest, OnlyAnswersNeedALimit) {
  json body = Body();
  body.erase("max_tokens");
  EXPECT_THAT(Refusal(body.dump()), HasSubstr("'max_tokens'"));
  EXPECT_EQ(Parse(body.dump(), MessagePurpose::kCount).max_tokens, 0);
}

}  // namespace
}  // namespace puna
