#include "engine/grammar/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "tests/engine/grammar/grammar_test_support.h"

namespace puna {
namespace {

bool Matches(std::string_view pattern, std::string_view text, RegexMatch match = RegexMatch::kWhole,
             TextEncoding encoding = TextEncoding::kPlain) {
  Grammar grammar;
  grammar.SetRoot(Regex(grammar, pattern, match, encoding));
  return ConstraintOf(grammar)->Matches(text);
}

std::string Refusal(std::string_view pattern) {
  Grammar grammar;
  try {
    Regex(grammar, pattern, RegexMatch::kWhole, TextEncoding::kPlain);
  } catch (const GrammarError& error) {
    return error.what();
  }
  return "";
}

TEST(RegexTest, LiteralsClassesAndQuantifiersMatchWhatTheySay) {
  EXPECT_TRUE(Matches("abc", "abc"));
  EXPECT_FALSE(Matches("abc", "abcd"));
  EXPECT_TRUE(Matches("[a-cx]{2,3}", "ax"));
  EXPECT_TRUE(Matches("[a-cx]{2,3}", "axc"));
  EXPECT_FALSE(Matches("[a-cx]{2,3}", "a"));
  EXPECT_FALSE(Matches("[a-cx]{2,3}", "axcb"));
  EXPECT_TRUE(Matches("(ab|c)*d?", ""));
  EXPECT_TRUE(Matches("(ab|c)*d?", "abccabd"));
  EXPECT_FALSE(Matches("(ab|c)*d?", "abdd"));
  EXPECT_TRUE(Matches("\\d+\\.\\w", "12.z"));
  EXPECT_TRUE(Matches("[^\\d\\s]", "x"));
  EXPECT_FALSE(Matches("[^\\d\\s]", " "));
  EXPECT_TRUE(Matches("a{3}", "aaa"));
  EXPECT_TRUE(Matches("a{2,}", "aaaaa"));
  EXPECT_FALSE(Matches("a{2,}", "a"));
  EXPECT_TRUE(Matches("x+?y*?", "xxy"));
}

TEST(RegexTest, AClassClosedAtOnceMatchesNothingAsInEcmaScript) {
  EXPECT_THROW(Matches("[]", ""), GrammarError);
  EXPECT_TRUE(Matches("[^]", "\n"));
}

TEST(RegexTest, CharactersAreCodePointsAndNotBytes) {
  EXPECT_TRUE(Matches(".", "\xF0\x9F\x90\xB6"));
  EXPECT_TRUE(Matches(".{2}", "\xC3\xA4\xE2\x82\xAC"));
  EXPECT_FALSE(Matches(".", "\xC3"));
  EXPECT_FALSE(Matches(".", "\xED\xA0\x80")) << "a surrogate is no character";
  EXPECT_TRUE(Matches("[\\u{1F400}-\\u{1F4FF}]", "\xF0\x9F\x90\xB6"));
  EXPECT_FALSE(Matches("[\\u{1F400}-\\u{1F4FF}]", "\xF0\x9F\x8F\xBF"));
  EXPECT_TRUE(Matches("\\uD83D\\uDC36", "\xF0\x9F\x90\xB6"));
  EXPECT_TRUE(Matches("[\xC3\xA0-\xC3\xBF]", "\xC3\xA4"));
}

TEST(RegexTest, EveryCodePointRangeMatchesExactlyItsUtf8) {
  for (const auto& [low, high] :
       {std::pair(0x7Eu, 0x81u), std::pair(0x7F0u, 0x810u), std::pair(0xD7FEu, 0xE001u),
        std::pair(0xFFFEu, 0x10001u), std::pair(0x3Fu, 0x10FFFFu), std::pair(0x800u, 0x20FFFu)}) {
    Grammar grammar;
    grammar.SetRoot(OneOf(grammar, CharSet({{low, high}}), TextEncoding::kPlain));
    const auto constraint = ConstraintOf(grammar);
    for (uint32_t c = 0; c <= CharSet::kLast; c += c < 0x11000 ? 1 : 0x3FF) {
      if (c >= 0xD800 && c <= 0xDFFF) continue;
      std::string utf8;
      if (c < 0x80) {
        utf8 = {static_cast<char>(c)};
      } else if (c < 0x800) {
        utf8 = {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
      } else if (c < 0x10000) {
        utf8 = {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
                static_cast<char>(0x80 | (c & 63))};
      } else {
        utf8 = {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
                static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
      }
      ASSERT_EQ(constraint->Matches(utf8), c >= low && c <= high) << std::hex << c;
    }
  }
}

TEST(RegexTest, SearchedForItMatchesAnywhereUnlessAnchored) {
  EXPECT_TRUE(Matches("b", "abc", RegexMatch::kAnywhere));
  EXPECT_FALSE(Matches("^b", "abc", RegexMatch::kAnywhere));
  EXPECT_TRUE(Matches("^a", "abc", RegexMatch::kAnywhere));
  EXPECT_FALSE(Matches("b$", "abc", RegexMatch::kAnywhere));
  EXPECT_TRUE(Matches("^abc$", "abc", RegexMatch::kAnywhere));
  EXPECT_TRUE(Matches("^a|c$", "xc", RegexMatch::kAnywhere));
  EXPECT_TRUE(Matches("^a|c$", "ax", RegexMatch::kAnywhere));
  EXPECT_FALSE(Matches("^a|c$", "bxb", RegexMatch::kAnywhere));
  EXPECT_TRUE(Matches("^a$", "a"));
}

TEST(RegexTest, InAJsonStringCharactersAreEscapedWhereTheyMust) {
  const auto json = [](std::string_view pattern, std::string_view text) {
    return Matches(pattern, text, RegexMatch::kWhole, TextEncoding::kJsonString);
  };
  EXPECT_TRUE(json("a\"b", "a\\\"b"));
  EXPECT_FALSE(json("a\"b", "a\"b"));
  EXPECT_TRUE(json("\\n\\\\", "\\n\\\\"));
  EXPECT_TRUE(json("\\x01", "\\u0001"));
  EXPECT_FALSE(json(".", "\n"));
  EXPECT_TRUE(json("/", "/"));
}

TEST(RegexTest, RepeatingWhatMayBeEmptyEnds) {
  EXPECT_TRUE(Matches("(a*)*", "aaa"));
  EXPECT_TRUE(Matches("(a?b?){3,5}c", "c"));
  EXPECT_TRUE(Matches("(a?b?){3,5}c", "ababababac"));
  EXPECT_FALSE(Matches("(a?){3}", "aaaa"));
  EXPECT_TRUE(Matches("((a|b*)+)*", "abba"));
}

TEST(RegexTest, LargeCountsAreCountedAndNotSpelledOut) {
  EXPECT_TRUE(Matches("[ab]{0,50000}", std::string(3000, 'a')));
  EXPECT_TRUE(Matches("a{3000}", std::string(3000, 'a')));
  EXPECT_FALSE(Matches("a{3000}", std::string(2999, 'a')));
  EXPECT_FALSE(Matches("a{3000}", std::string(3001, 'a')));
}

TEST(RegexTest, WhatIsNoRegularLanguageIsRefusedByName) {
  EXPECT_THAT(Refusal("a(?=b)"), testing::HasSubstr("look-around"));
  EXPECT_THAT(Refusal("(a)\\1"), testing::HasSubstr("'\\1'"));
  EXPECT_THAT(Refusal("\\bx"), testing::HasSubstr("'\\b'"));
  EXPECT_THAT(Refusal("\\p{L}"), testing::HasSubstr("'\\p'"));
  EXPECT_THAT(Refusal("(?i)x"), testing::HasSubstr("flags"));
  EXPECT_THAT(Refusal("(a|^b)"), testing::HasSubstr("'^' inside"));
  for (const char* broken : {"(", ")", "a)", "[a", "[z-a]", "*a", "a{2,1}", "a{x}", "\\", "a{999999}",
                             "\\u{110000}", "[\\d-z]", "x**"})
    EXPECT_THAT(Refusal(broken), testing::HasSubstr("at character")) << broken;
  EXPECT_NE(Refusal("\xFF"), "");
  EXPECT_NE(Refusal(std::string(5000, '(')), "");
}

}  // namespace
}  // namespace puna
