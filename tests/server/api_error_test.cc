#include "server/api_error.h"

#include <gtest/gtest.h>

#include "server/error_form.h"
#include "server/secret_equal.h"
#include "server/sse.h"

namespace puna {
namespace {

TEST(RequestErrorTest, HasAllFourFields) {
  EXPECT_EQ(RequestError(400, "bad").Json(),
            R"({"error":{"message":"bad","type":"invalid_request_error","param":null,"code":null}})");
  const HttpResponse response = RequestError(404, "no", "model", "model_not_found", "other").Response();
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body,
            R"({"error":{"message":"no","type":"other","param":"model","code":"model_not_found"}})");
}

TEST(RequestErrorTest, QuotesAnyBytes) {
  EXPECT_EQ(
      RequestError(400, "\xff\n\"").Json(),
      "{\"error\":{\"message\":\"\xef\xbf\xbd\\n\\\"\",\"type\":\"invalid_request_error\",\"param\":null,"
      "\"code\":null}}");
}

TEST(ErrorFormTest, EachPathIsAnsweredInTheFormOfItsApi) {
  const RequestError busy(503, "busy", {}, "overloaded", "server_error");
  HttpRequest request;
  request.id = "req-1";
  for (const char* path : {"", "/v1/chat/completions", "/v1/messages2", "/v1"}) {
    request.path = path;
    EXPECT_EQ(ErrorResponse(busy, request).body, busy.Json());
    EXPECT_EQ(ErrorResponse(busy, request).status, 503);
  }
  for (const char* path : {"/v1/messages", "/v1/messages/count_tokens", "/v1/messages/x"}) {
    request.path = path;
    const HttpResponse response = ErrorResponse(busy, request);
    EXPECT_EQ(response.status, 529);
    EXPECT_EQ(
        response.body,
        R"({"type":"error","error":{"type":"overloaded_error","message":"busy"},"request_id":"req-1"})");
  }
}

TEST(ErrorFormTest, AnthropicsTypesFollowFromTheStatus) {
  const std::pair<int, const char*> types[] = {{400, "invalid_request_error"},
                                               {401, "authentication_error"},
                                               {403, "permission_error"},
                                               {404, "not_found_error"},
                                               {405, "invalid_request_error"},
                                               {413, "request_too_large"},
                                               {429, "overloaded_error"},
                                               {500, "api_error"},
                                               {503, "api_error"},
                                               {504, "timeout_error"}};
  for (const auto& [status, type] : types) {
    const std::string text = AnthropicErrorJson(RequestError(status, "\xff\n"), "r");
    EXPECT_NE(text.find(std::string("\"type\":\"") + type + "\""), std::string::npos) << text;
    EXPECT_NE(text.find("\xef\xbf\xbd"), std::string::npos);
  }
}

TEST(ErrorFormTest, AClientOfThreadsIsToldToSendWholeConversations) {
  const RequestError error(400, "no", "thread", std::string(kThreadUnsupported));
  EXPECT_EQ(
      AnthropicErrorJson(error, "r"),
      R"({"type":"error","error":{"type":"invalid_request_error","message":"no","details":{"error_code":)"
      R"("thread_unsupported_request","unsupported":[]}},"request_id":"r"})");
}

TEST(ErrorFormTest, AClientThatHasTooMuchIsToldApartFromAServerThatHas) {
  HttpRequest request;
  request.path = "/v1/messages";
  const RequestError client(429, "too many", {}, "rate_limit_exceeded", "rate_limit_error");
  EXPECT_EQ(ErrorResponse(client, request).status, 429);
  EXPECT_NE(ErrorResponse(client, request).body.find("rate_limit_error"), std::string::npos);
  const RequestError queue(429, "full", {}, "rate_limit_exceeded", "requests");
  EXPECT_EQ(ErrorResponse(queue, request).status, 529);
}

TEST(SseTest, EventsEndInAnEmptyLine) {
  EXPECT_EQ(SseData("{}"), "data: {}\n\n");
  EXPECT_EQ(SseEvent("error", "{}"), "event: error\ndata: {}\n\n");
  EXPECT_EQ(kSseDone, "data: [DONE]\n\n");
}

TEST(SecretEqualTest, OnlyTheWholeSecretIsEqual) {
  EXPECT_TRUE(SecretEqual("secret", "secret"));
  for (const char* offered : {"", "secre", "secrets", "Secret", "secreT", "secretsecret"}) {
    EXPECT_FALSE(SecretEqual(offered, "secret")) << offered;
  }
  EXPECT_FALSE(SecretEqual("a", ""));
  EXPECT_FALSE(SecretEqual(std::string_view("secret\0", 7), "secret"));
}

}  // namespace
}  // namespace puna
