#include "server/static_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/server/http_test_client.h"

namespace puna {
namespace {

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

TEST(StaticFilesTest, TheProgramHoldsTheBytesOfThePage) {
  const std::filesystem::path web = std::filesystem::path(PUNA_SOURCE_DIR) / "web";
  std::set<std::string_view> digests;
  for (const EmbeddedFile& file : EmbeddedWebFiles()) {
    digests.insert(file.digest);
    EXPECT_FALSE(file.bytes.empty()) << file.path;
    EXPECT_TRUE(file.packed.empty() || file.packed.size() < file.bytes.size()) << file.path;
    if (file.path.starts_with("/packages/")) continue;
    EXPECT_EQ(file.bytes, ReadFile(web / file.path.substr(1))) << file.path;
  }
  EXPECT_EQ(digests.size(), EmbeddedWebFiles().size());
  EXPECT_GE(digests.size(), 1u);
}

class StaticFilesServerTest : public ::testing::Test {
 protected:
  StaticFilesServerTest() : server_(TestOptions()) {
    ServeFiles(server_, kFiles);
    server_.Start();
  }

  static constexpr EmbeddedFile kFiles[] = {{"/a.js", {"x\0y", 3}, "z", "0123"},
                                            {"/index.html", "<p>page</p>", "", "4567"},
                                            {"/odd.bin", "", "", "89ab"}};
  HttpServer server_;
};

TEST_F(StaticFilesServerTest, FilesAreFoundByTheirExactPath) {
  EXPECT_EQ(Exchange(server_.port(), Get("/a.js")).body, std::string("x\0y", 3));
  EXPECT_EQ(Exchange(server_.port(), Get("/")).body, "<p>page</p>");
  EXPECT_EQ(Exchange(server_.port(), Get("/?q")).body, "<p>page</p>");
  EXPECT_EQ(Exchange(server_.port(), Get("/index.html")).headers.at("content-type"),
            "text/html; charset=utf-8");
  EXPECT_EQ(Exchange(server_.port(), Get("/odd.bin")).status, 200);
  for (const char* path :
       {"/a.js%00.html", "/./a.js", "/x/../a.js", "/A.js", "/a.js/", "/..%5ca.js", "//a.js"}) {
    EXPECT_EQ(Exchange(server_.port(), Get(path)).status, 404) << path;
  }
}

TEST_F(StaticFilesServerTest, WhoAcceptsGzipGetsIt) {
  for (const char* accepted :
       {"gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.5", "identity,\tgzip ; q=0.001"}) {
    const WireAnswer answer =
        Exchange(server_.port(), Get("/a.js", "Accept-Encoding: " + std::string(accepted) + "\r\n"));
    EXPECT_EQ(answer.body, "z") << accepted;
    EXPECT_EQ(answer.headers.at("content-encoding"), "gzip") << accepted;
    EXPECT_EQ(answer.headers.at("content-type"), "text/javascript; charset=utf-8") << accepted;
    EXPECT_EQ(answer.headers.at("etag"), "\"0123-gzip\"") << accepted;
    EXPECT_EQ(answer.headers.at("vary"), "Accept-Encoding") << accepted;
  }
  for (const char* refused : {"", "br", "gzip;q=0", "gzip;q=0.000", "xgzip", "identity"}) {
    const WireAnswer answer =
        Exchange(server_.port(), Get("/a.js", "Accept-Encoding: " + std::string(refused) + "\r\n"));
    EXPECT_EQ(answer.body, std::string("x\0y", 3)) << refused;
    EXPECT_EQ(answer.headers.count("content-encoding"), 0u) << refused;
    EXPECT_EQ(answer.headers.at("etag"), "\"0123\"") << refused;
  }
  EXPECT_EQ(Exchange(server_.port(), Get("/", "Accept-Encoding: gzip\r\n")).body, "<p>page</p>")
      << "no smaller";
}

TEST_F(StaticFilesServerTest, ABrowserThatHasTheBytesIsToldSo) {
  const WireAnswer first = Exchange(server_.port(), Get("/a.js"));
  EXPECT_EQ(first.headers.at("etag"), "\"0123\"");
  EXPECT_EQ(first.headers.at("cache-control"), "no-cache");
  for (const char* known : {"\"0123\"", "W/\"0123\"", "\"zz\", \"0123\"", "*", "\"zz\" ,W/\"0123\" ,"}) {
    const WireAnswer again =
        Exchange(server_.port(), Get("/a.js", "If-None-Match: " + std::string(known) + "\r\n"));
    EXPECT_EQ(again.status, 304) << known;
    EXPECT_EQ(again.headers.at("etag"), "\"0123\"") << known;
    EXPECT_EQ(again.body, "") << known;
  }
  for (const char* other : {"\"01234\"", "0123", "\"\"", ","}) {
    const std::string header = "If-None-Match: " + std::string(other) + "\r\n";
    EXPECT_EQ(Exchange(server_.port(), Get("/a.js", header)).status, 200) << other;
  }
}

}  // namespace
}  // namespace puna
