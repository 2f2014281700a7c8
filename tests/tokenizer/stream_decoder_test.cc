#include "tokenizer/stream_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace puna {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::string DecodeByteByByte(std::string_view bytes) {
  StreamDecoder decoder;
  std::string out;
  for (const char byte : bytes) out += decoder.Push({&byte, 1});
  return out + decoder.Finish();
}

std::string Repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(StreamDecoderTest, CharactersLeaveWholeHoweverTheyAreCut) {
  const std::string text = "aé€😀👨‍👩‍👧‍👦🇫🇷z";
  for (size_t first = 0; first <= text.size(); ++first) {
    for (size_t second = first; second <= text.size(); ++second) {
      StreamDecoder decoder;
      std::string out;
      for (const auto& part :
           {text.substr(0, first), text.substr(first, second - first), text.substr(second)}) {
        const std::string piece = decoder.Push(part);
        EXPECT_EQ(DecodeByteByByte(piece), piece) << "a piece that is not whole characters";
        out += piece;
      }
      EXPECT_EQ(out, text);
      EXPECT_EQ(decoder.Finish(), "");
    }
  }
}

TEST(StreamDecoderTest, ACharacterLeavesWithItsLastByte) {
  StreamDecoder decoder;
  EXPECT_EQ(decoder.Push("\xF0\x9F"), "");
  EXPECT_EQ(decoder.Push("\x98"), "");
  EXPECT_EQ(decoder.Push("\x80"), "😀");
}

TEST(StreamDecoderTest, AnUnfinishedCharacterBecomesOneReplacementAtTheEnd) {
  for (const std::string_view start : {"\xC3", "\xE2\x82", "\xF0\x9F\x98"}) {
    EXPECT_EQ(DecodeByteByByte(start), kReplacement);
  }
}

// Unicode 15, table 3-8: one U+FFFD per maximal subpart.
TEST(StreamDecoderTest, IllFormedBytesAreReplacedAsTheUnicodeStandardRecommends) {
  EXPECT_EQ(DecodeByteByByte("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), Repeat(kReplacement, 8) + "A");
  EXPECT_EQ(DecodeByteByByte("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), Repeat(kReplacement, 8) + "A");
  EXPECT_EQ(DecodeByteByByte("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"),
            Repeat(kReplacement, 5) + "A" + Repeat(kReplacement, 2) + "B");
  EXPECT_EQ(DecodeByteByByte("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), Repeat(kReplacement, 4) + "A");
}

TEST(StreamDecoderTest, EveryPairOfBytesGivesTheSameTextHoweverItIsCut) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string bytes = {static_cast<char>(first), static_cast<char>(second), 'x'};
      StreamDecoder decoder;
      const std::string whole = decoder.Push(bytes);
      EXPECT_EQ(whole + decoder.Finish(), DecodeByteByByte(bytes));
    }
  }
}

}  // namespace
}  // namespace puna
