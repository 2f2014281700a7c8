#include "tokenizer/tiktoken_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "tests/tokenizer/demo_vocabulary.h"

namespace puna {
namespace {

using testing::HasSubstr;

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t bits = 0;
    const size_t n = std::min<size_t>(3, bytes.size() - at);
    for (size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (i < n ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    for (size_t i = 0; i < 4; ++i) out += i <= n ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

// A file of the 256 single bytes and then `more`.
std::string File(const std::vector<std::string>& more = {}) {
  std::string file;
  for (int byte = 0; byte < 256; ++byte) {
    file += Base64(std::string(1, static_cast<char>(byte))) + " " + std::to_string(byte) + "\n";
  }
  int rank = 256;
  for (const std::string& token : more) file += Base64(token) + " " + std::to_string(rank++) + "\n";
  return file;
}

std::string WhatIsWrong(const std::string& file) {
  try {
    ParseTiktoken(file, "tokenizer.model");
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

TEST(TiktokenFileTest, ReadsTokensInTheOrderOfTheirRanks) {
  const Vocabulary vocabulary = ParseTiktoken(File({"ab", "abc", "\xF0\x9F"}), "f");
  EXPECT_EQ(vocabulary.size(), 259);
  EXPECT_EQ(vocabulary.Bytes(257), "abc");
  EXPECT_EQ(vocabulary.Find("\xF0\x9F"), 258);
  EXPECT_EQ(vocabulary.Find("abcd"), -1);
}

TEST(TiktokenFileTest, LineEndsOfWindowsAndAMissingLastOneAreAccepted) {
  std::string file = File();
  for (size_t at = file.find('\n'); at != std::string::npos; at = file.find('\n', at + 2))
    file.insert(at, "\r");
  EXPECT_EQ(ParseTiktoken(file, "f").size(), 256);
  EXPECT_EQ(ParseTiktoken(File().substr(0, File().size() - 1), "f").size(), 256);
}

TEST(TiktokenFileTest, NamesTheLineAndWhatIsWrongWithIt) {
  EXPECT_THAT(WhatIsWrong(File() + "YWI=\n"), HasSubstr("line 257: expected base64, a space and a rank"));
  EXPECT_THAT(WhatIsWrong(File() + "YWI 256\n"), HasSubstr("line 257: expected base64, found 'YWI'"));
  EXPECT_THAT(WhatIsWrong(File() + "Y*I= 256\n"), HasSubstr("expected base64"));
  EXPECT_THAT(WhatIsWrong(File() + "YWJ= 256\n"), HasSubstr("expected base64"))
      << "padding bits that are not zero";
  EXPECT_THAT(WhatIsWrong(File() + " 256\n"), HasSubstr("expected base64"));
  EXPECT_THAT(WhatIsWrong(File() + "YWI= 257\n"), HasSubstr("expected rank 256, found '257'"));
  EXPECT_THAT(WhatIsWrong(File() + "YWI= 255\n"), HasSubstr("expected rank 256, found '255'"));
  EXPECT_THAT(WhatIsWrong(File() + "YWI= -1\n"), HasSubstr("expected rank 256"));
  EXPECT_THAT(WhatIsWrong(File() + "YWI= 256x\n"), HasSubstr("expected rank 256"));
  EXPECT_THAT(WhatIsWrong(File() + "YWI= 99999999999999999999999\n"), HasSubstr("expected rank 256"));
  EXPECT_THAT(WhatIsWrong(File() + "\nYWI= 256\n"), HasSubstr("line 257"));
  EXPECT_THAT(WhatIsWrong(File({"ab", "ab"})), HasSubstr("line 258: the token of line 257 again"));
  EXPECT_THAT(WhatIsWrong(File({std::string(1025, 'x')})), HasSubstr("at most 1024 bytes, found 1025"));
}

TEST(TiktokenFileTest, EveryByteNeedsAToken) {
  EXPECT_THAT(WhatIsWrong("YQ== 0\n"), HasSubstr("found none for 0x00"));
}

TEST(TiktokenFileTest, OtherKindsOfFilesAreNamedInWords) {
  EXPECT_THAT(WhatIsWrong(""), HasSubstr("is empty"));
  EXPECT_THAT(WhatIsWrong("<!DOCTYPE html><html>"), HasSubstr("an HTML page"));
  EXPECT_THAT(WhatIsWrong("version https://git-lfs.github.com/spec/v1\noid"), HasSubstr("a git-lfs pointer"));
  EXPECT_THAT(WhatIsWrong("{\"version\": \"1.0\"}"), HasSubstr("Hugging Face"));
  EXPECT_THAT(WhatIsWrong(std::string("\n\x0E\n\x05<unk>\x15\0\0\0\0", 14)), HasSubstr("sentencepiece"));
}

TEST(TiktokenFileTest, EveryCutOfTheDemoFileIsRefusedOrReadAndNeverCrashes) {
  const std::string file = ReadDemoFile("tokenizer.model");
  for (size_t size = 0; size < file.size(); size += 97) {
    EXPECT_THAT(WhatIsWrong(file.substr(0, size)),
                testing::AnyOf("nothing", testing::StartsWith("tokenizer.model: ")));
  }
}

}  // namespace
}  // namespace puna
