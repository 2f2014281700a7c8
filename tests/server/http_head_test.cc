#include "server/http_head.h"

#include <gtest/gtest.h>

#include <string>

#include "server/api_error.h"

namespace puna {
namespace {

constexpr HttpHeadLimits kLimits{.max_bytes = 1000, .max_lines = 5, .max_uri_bytes = 100};

HttpHead Parse(std::string_view bytes, size_t step = SIZE_MAX) {
  HttpHeadReader reader(kLimits);
  size_t at = 0;
  while (!reader.done() && at < bytes.size()) at += reader.Take(bytes.substr(at, step));
  EXPECT_TRUE(reader.done());
  return reader.Parse();
}

int StatusOf(std::string_view bytes) {
  try {
    Parse(bytes);
    return 200;
  } catch (const RequestError& error) {
    return error.status();
  }
}

std::string WithHeaders(std::string_view headers) {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
}

TEST(HttpHeadTest, IsTheSameHoweverTheBytesAreCut) {
  const std::string bytes = "POST /a%20b?q=1 HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a:\t2 \r\n\r\nbody";
  for (size_t step = 1; step <= bytes.size(); ++step) {
    HttpHeadReader reader(kLimits);
    size_t at = 0;
    while (!reader.done()) at += reader.Take(std::string_view(bytes).substr(at, step));
    EXPECT_EQ(bytes.substr(at), "body") << step;
    const HttpHead head = reader.Parse();
    EXPECT_EQ(head.method, "POST");
    EXPECT_EQ(head.path, "/a b");
    EXPECT_EQ(head.query, "q=1");
    EXPECT_EQ(head.Header("x-a"), "1, 2");
    EXPECT_EQ(head.Header("x-b"), "");
    EXPECT_FALSE(head.has_body());
  }
}

TEST(HttpHeadTest, AbsoluteTargetsGiveTheirHostAndPath) {
  const HttpHead head = Parse("GET HTTP://example.com:1?q HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(head.authority, "example.com:1");
  EXPECT_EQ(head.path, "/");
  EXPECT_EQ(head.query, "q");
  EXPECT_EQ(Parse("GET http://h/a#b HTTP/1.0\r\n\r\n").path, "/a");
  EXPECT_EQ(Parse("GET http://h/a#b?c HTTP/1.0\r\n\r\n").query, "");
  EXPECT_EQ(Parse("GET /a?b=%20?c#d HTTP/1.0\r\n\r\n").query, "b=%20?c");
  EXPECT_EQ(Parse("OPTIONS * HTTP/1.0\r\n\r\n").path, "*");
}

TEST(HttpHeadTest, WhatCanBeReadInTwoWaysIsRefused) {
  const std::string nul("\0", 1);
  for (const std::string& line : {std::string("GET /"),
                                  std::string("GET  / HTTP/1.1"),
                                  std::string("GET / HTTP/1.1 "),
                                  std::string("GET / x HTTP/1.1"),
                                  std::string("GET x HTTP/1.1"),
                                  std::string("GET http HTTP/1.1"),
                                  std::string("GET http: HTTP/1.1"),
                                  std::string("GET http:/// HTTP/1.1"),
                                  std::string("GET file://h/ HTTP/1.1"),
                                  std::string("GET /\t HTTP/1.1"),
                                  "GET /" + nul + " HTTP/1.1",
                                  "G" + nul + "T / HTTP/1.1",
                                  std::string("GET /\x7f HTTP/1.1"),
                                  std::string("G@T / HTTP/1.1"),
                                  std::string(" GET / HTTP/1.1"),
                                  std::string("GET /%4 HTTP/1.1"),
                                  std::string("GET /%zz HTTP/1.1"),
                                  std::string("GET / http/1.1"),
                                  std::string("GET /\r HTTP/1.1"),
                                  std::string("\x16\x03\x01")}) {
    EXPECT_EQ(StatusOf(line + "\r\nHost: h\r\n\r\n"), 400) << line;
  }
  EXPECT_EQ(StatusOf("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\nHost: h\n\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
}

TEST(HttpHeadTest, HeadersThatCanBeReadInTwoWaysAreRefused) {
  const std::string nul("\0", 1);
  for (const std::string& headers :
       {std::string("X : 1\r\n"), std::string(": 1\r\n"), std::string("X\r\n"), std::string(" X: 1\r\n"),
        std::string("X: 1\r\n 2\r\n"), "X: a" + nul + "b\r\n", "X" + nul + ": a\r\n",
        std::string("X: a\rb\r\n"), std::string("X: a\x01\r\n"), std::string("X: a\n"),
        std::string("Host: h\r\n"), std::string("Origin: a\r\norigin: a\r\n"),
        std::string("Content-Type: a\r\nContent-Type: a\r\n"),
        std::string("Authorization: a\r\nAuthorization: b\r\n")}) {
    EXPECT_EQ(StatusOf(WithHeaders(headers)), 400) << headers;
  }
  EXPECT_EQ(StatusOf(WithHeaders("X: caf\xc3\xa9\r\n")), 200);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n\r\n"), 400) << "no Host";
  EXPECT_EQ(StatusOf("GET / HTTP/1.0\r\n\r\n"), 200) << "HTTP/1.0 had none";
}

TEST(HttpHeadTest, AmbiguousFramingIsRefused) {
  for (const char* headers : {"Content-Length: 5\r\nContent-Length: 5\r\n",
                              "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5, 5\r\n",
                              "Content-Length: +5\r\n", "Content-Length: -1\r\n", "Content-Length: 0x5\r\n",
                              "Content-Length:\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                              "Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n",
                              "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                              "Transfer-Encoding: \x0b"
                              "chunked\r\n"}) {
    EXPECT_EQ(StatusOf(WithHeaders(headers)), 400) << headers;
  }
  EXPECT_EQ(StatusOf("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_TRUE(Parse(WithHeaders("Transfer-Encoding: Chunked\r\n")).chunked);
  EXPECT_EQ(Parse(WithHeaders("Content-Length: 17\r\n")).content_length, 17u);
}

TEST(HttpHeadTest, HugeLengthsDoNotWrapAround) {
  for (const char* digits : {"18446744073709551615", "18446744073709551616", "99999999999999999999999999"}) {
    const auto head = Parse(WithHeaders("Content-Length: " + std::string(digits) + "\r\n"));
    EXPECT_GT(head.content_length, uint64_t{1} << 60) << digits;
  }
}

TEST(HttpHeadTest, LimitsHoldBeforeTheHeadIsComplete) {
  const auto status_of_endless = [](const std::string& start, const std::string& more) {
    HttpHeadReader reader(kLimits);
    try {
      reader.Take(start);
      for (int i = 0; i < 2000; ++i) reader.Take(more);
    } catch (const RequestError& error) {
      return error.status();
    }
    return 200;
  };
  EXPECT_EQ(status_of_endless("GET /", "a"), 414);
  EXPECT_EQ(status_of_endless("GET / HTTP/1.1\r\nX: ", "a"), 431);
  EXPECT_EQ(status_of_endless("GET / HTTP/1.1\r\n", "X: a\r\n"), 431);
  EXPECT_EQ(StatusOf("GET /" + std::string(99, 'a') + " HTTP/1.0\r\n\r\n"), 200);
  EXPECT_EQ(StatusOf("GET /" + std::string(100, 'a') + " HTTP/1.0\r\n\r\n"), 414);
  EXPECT_EQ(StatusOf("GET / HTTP/1.0\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n\r\n"), 200);
  EXPECT_EQ(StatusOf("GET / HTTP/1.0\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\nF: 1\r\n\r\n"), 431);
}

}  // namespace
}  // namespace puna
