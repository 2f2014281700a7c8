#include "server/http_body.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "server/api_error.h"

namespace puna {
namespace {

constexpr size_t kLimit = 100;

HttpHead Chunked() {
  HttpHead head;
  head.chunked = true;
  return head;
}

HttpHead Length(uint64_t length) {
  HttpHead head;
  head.content_length = length;
  return head;
}

int StatusOf(const HttpHead& head, std::string_view bytes) {
  try {
    HttpBodyReader reader(head, kLimit);
    reader.Take(bytes);
    return reader.done() ? 200 : 100;
  } catch (const RequestError& error) {
    return error.status();
  }
}

TEST(HttpBodyTest, ChunksAreTheSameHoweverTheBytesAreCut) {
  const std::string bytes =
      "5;x=\"y\"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\nGET / HTTP/1.1";
  for (size_t step = 1; step <= bytes.size(); ++step) {
    HttpBodyReader reader(Chunked(), kLimit);
    size_t at = 0;
    while (!reader.done()) at += reader.Take(std::string_view(bytes).substr(at, step));
    EXPECT_EQ(reader.TakeBody(), "hello0123456789") << step;
    EXPECT_EQ(bytes.substr(at), "GET / HTTP/1.1") << step;
  }
}

TEST(HttpBodyTest, TakesNoMoreThanTheLength) {
  HttpBodyReader reader(Length(3), kLimit);
  EXPECT_EQ(reader.Take("ab"), 2u);
  EXPECT_FALSE(reader.done());
  EXPECT_EQ(reader.Take("cdef"), 1u);
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(reader.TakeBody(), "abc");
  EXPECT_TRUE(HttpBodyReader(Length(0), kLimit).done());
  EXPECT_TRUE(HttpBodyReader(HttpHead(), kLimit).done());
}

TEST(HttpBodyTest, BadChunksAreRefused) {
  for (const char* bytes : {"-2\r\n", "+2\r\n", "0x2\r\n", " 2\r\n", "\r\n", "g\r\n", "2 \r\nab\r\n",
                            "2\nab\r\n", "2\r\nabc\r\n", "2\r\nab\n", ";x\r\n", "2\r\nab0\r\n\r\n"}) {
    EXPECT_EQ(StatusOf(Chunked(), bytes), 400) << bytes;
  }
  EXPECT_EQ(StatusOf(Chunked(), "1;" + std::string(1000, 'x')), 400);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 1000; ++i) trailers += "X: aaaaaaaaaaaaaa\r\n";
  EXPECT_EQ(StatusOf(Chunked(), trailers), 431);
}

TEST(HttpBodyTest, TheLimitHoldsForBothFramings) {
  EXPECT_EQ(StatusOf(Length(kLimit), std::string(kLimit, 'a')), 200);
  EXPECT_EQ(StatusOf(Length(kLimit + 1), ""), 413);
  EXPECT_EQ(StatusOf(Length(UINT64_MAX), ""), 413);
  EXPECT_EQ(StatusOf(Chunked(), "65\r\n"), 413);
  EXPECT_EQ(StatusOf(Chunked(), "64\r\n" + std::string(kLimit, 'a') + "\r\n0\r\n\r\n"), 200);
  EXPECT_EQ(StatusOf(Chunked(), "64\r\n" + std::string(kLimit, 'a') + "\r\n1\r\n"), 413);
  EXPECT_EQ(StatusOf(Chunked(), "ffffffffffffffff\r\n"), 413);
  EXPECT_EQ(StatusOf(Chunked(), "10000000000000000\r\n"), 413);
}

}  // namespace
}  // namespace puna
