#include "tests/bench/load/answer_reader.h"

#include <gmock/gmock.h>

#include <stdexcept>
#include <vector>

namespace puna::bench {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

std::vector<std::string> Split(std::string_view body, size_t piece) {
  SseSplitter splitter;
  std::vector<std::string> data;
  for (size_t at = 0; at < body.size(); at += piece)
    splitter.Feed(body.substr(at, piece), [&](std::string_view event) { data.emplace_back(event); });
  return data;
}

TEST(SseSplitterTest, EventsAreTheSameHoweverTheBytesWereCut) {
  const std::string body = "data: {\"a\":1}\n\n:\n\nevent: error\ndata: two\n\ndata: [DONE]\n\n";
  for (size_t piece = 1; piece <= body.size(); ++piece)
    EXPECT_THAT(Split(body, piece), ElementsAre("{\"a\":1}", "two", "[DONE]")) << piece;
}

TEST(SseSplitterTest, EventWithoutItsBlankLineIsNotDelivered) {
  SseSplitter splitter;
  int events = 0;
  splitter.Feed("data: half\n", [&](std::string_view) { ++events; });
  EXPECT_EQ(events, 0);
  EXPECT_TRUE(splitter.inside_event());
  splitter.Feed("\n", [&](std::string_view) { ++events; });
  EXPECT_EQ(events, 1);
  EXPECT_FALSE(splitter.inside_event());
}

TEST(ChunkedBodyTest, BodyIsTheSameHoweverTheBytesWereCut) {
  const std::string_view bytes = "5\r\nhello\r\nA;x=y\r\n, world!\r\n\r\n0\r\nTrailer: x\r\n\r\n";
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    ChunkedBody chunks;
    std::string body;
    for (size_t at = 0; at < bytes.size(); at += piece) chunks.Feed(bytes.substr(at, piece), body);
    EXPECT_EQ(body, "hello, world!\r\n") << piece;
    EXPECT_TRUE(chunks.done());
  }
}

TEST(ChunkedBodyTest, BrokenFramingThrows) {
  for (const std::string_view bytes : {"x\r\n", "1\r\nab\r\n"}) {
    ChunkedBody chunks;
    std::string body;
    EXPECT_THROW(chunks.Feed(bytes, body), std::runtime_error) << bytes;
  }
}

TEST(KindOfTest, PiecesOfTextAreToldFromTheRest) {
  EXPECT_EQ(KindOf(R"({"choices":[{"index":0,"delta":{"content":"a"}}]})"), EventKind::kText);
  EXPECT_EQ(KindOf(R"({"choices":[{"index":0,"text":"a"}],"usage":null})"), EventKind::kText);
  EXPECT_EQ(KindOf(R"({"choices":[{"delta":{"role":"assistant","content":""}}]})"), EventKind::kOther);
  EXPECT_EQ(KindOf(R"({"choices":[{"delta":{},"finish_reason":"stop"}]})"), EventKind::kOther);
  EXPECT_EQ(KindOf(R"({"choices":[],"usage":{"prompt_tokens":1}})"), EventKind::kUsage);
  EXPECT_EQ(KindOf(R"({"error":{"message":"\"text\":\"a\""}})"), EventKind::kError);
  EXPECT_EQ(KindOf("[DONE]"), EventKind::kDone);
}

TEST(KindOfTest, TextThatLooksLikeAMemberIsText) {
  EXPECT_EQ(KindOf(R"({"choices":[{"delta":{"content":"\"usage\":{"}}]})"), EventKind::kText);
  EXPECT_EQ(KindOf(R"({"id":"\"text\":\"a\"","choices":[]})"), EventKind::kOther);
}

TEST(AnswerReaderTest, StreamIsReadToItsEndHoweverItWasCut) {
  const std::string bytes =
      std::string(kHead) + "b\r\ndata: one\n\n\r\n6\r\ndata: \r\n8\r\n[DONE]\n\n\r\n0\r\n\r\n";
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, bytes.size()}) {
    AnswerReader reader;
    std::vector<std::string> data;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      EXPECT_FALSE(reader.whole());
      reader.Feed(std::string_view(bytes).substr(at, piece),
                  [&](std::string_view event) { data.emplace_back(event); });
    }
    EXPECT_EQ(reader.status(), 200);
    EXPECT_TRUE(reader.whole());
    EXPECT_THAT(data, ElementsAre("one", "[DONE]"));
  }
}

TEST(AnswerReaderTest, RefusalIsKeptAsItIs) {
  AnswerReader reader;
  reader.Feed("HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n\r\n{\"error\":{}}",
              [](std::string_view) { FAIL(); });
  EXPECT_EQ(reader.status(), 429);
  EXPECT_EQ(reader.plain_body(), "{\"error\":{}}");
  EXPECT_FALSE(reader.whole());
}

TEST(AnswerReaderTest, SomethingElseThanHttpThrows) {
  AnswerReader reader;
  EXPECT_THROW(reader.Feed("SSH-2.0\r\n\r\n", [](std::string_view) {}), std::runtime_error);
}

}  // namespace
}  // namespace puna::bench
