#include "engine/base/error.h"

#include <gtest/gtest.h>

#include <string>

namespace puna {
namespace {

TEST(PrintableTest, LeavesTextAlone) {
  EXPECT_EQ(Printable(""), "");
  EXPECT_EQ(Printable("layers.0.attention.wq.weight"), "layers.0.attention.wq.weight");
  EXPECT_EQ(Printable("na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80"),
            "na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x98\x80");
}

TEST(PrintableTest, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(Printable("a\nb\r\t\x1B[31m"), "a\\x0Ab\\x0D\\x09\\x1B[31m");
  EXPECT_EQ(Printable(std::string_view("\0\x7F", 2)), "\\x00\\x7F");
  EXPECT_EQ(Printable("\xC2\x9B"), "\\xC2\\x9B");  // U+009B, a control sequence introducer
}

TEST(PrintableTest, EscapesBytesThatAreNotUtf8) {
  EXPECT_EQ(Printable("\xFF"), "\\xFF");
  EXPECT_EQ(Printable("\xC3"), "\\xC3");                             // cut short
  EXPECT_EQ(Printable("\xE2\x82"), "\\xE2\\x82");                    // cut short
  EXPECT_EQ(Printable("\xC0\xAF"), "\\xC0\\xAF");                    // overlong
  EXPECT_EQ(Printable("\xE0\x80\xAF"), "\\xE0\\x80\\xAF");           // overlong
  EXPECT_EQ(Printable("\xED\xA0\x80"), "\\xED\\xA0\\x80");           // surrogate
  EXPECT_EQ(Printable("\xF4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(Printable("a\x80z"), "a\\x80z");
}

TEST(PrintableTest, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(Printable("abcdef", 6), "abcdef");
  EXPECT_EQ(Printable("abcdefg", 6), "abcdef...");
  EXPECT_EQ(Printable("ab\xE2\x82\xAC", 4), "ab...");
  EXPECT_EQ(Printable("ab\n", 4), "ab...");
  EXPECT_EQ(Printable(std::string(1000, 'x')), std::string(200, 'x') + "...");
}

}  // namespace
}  // namespace puna
