#include "server/api_error.h"

#include <gtest/gtest.h>

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
