#include "engine/grammar/gbnf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/grammar/grammar_test_support.h"

namespace puna {
namespace {

std::shared_ptr<TokenConstraint> Read(std::string_view text) {
  Grammar grammar;
  grammar.SetRoot(Gbnf(grammar, text));
  return ConstraintOf(grammar);
}

std::string Refusal(std::string_view text) {
  try {
    Read(text);
  } catch (const GrammarError& error) {
    return error.what();
  }
  return "";
}

constexpr std::string_view kSums = R"gbnf(
# sums of numbers, in brackets if need be
root ::= term (ws "+" ws term)*
term ::= number | "(" root ")"
number ::= [1-9] [0-9]{0,2}
  | "0"
ws ::= " "?
)gbnf";

TEST(GbnfTest, RulesMayReferToEachOther) {
  const auto sums = Read(kSums);
  for (const char* text : {"1", "0", "12 + 3", "(1+(2+3))+999"}) EXPECT_TRUE(sums->Matches(text)) << text;
  for (const char* text : {"", "01", "1+", "(1", "1000", "1 +  2"}) EXPECT_FALSE(sums->Matches(text)) << text;
}

TEST(GbnfTest, EscapesClassesAndAnyCharacter) {
  EXPECT_TRUE(Read("root ::= \"a\\n\\x41\\\"\" [^a-c\\]] .")->Matches("a\nA\"d\xC3\xA4"));
  EXPECT_FALSE(Read("root ::= [^a-c]")->Matches("b"));
  EXPECT_TRUE(Read("root ::= a-b\na-b ::= \"x\"+")->Matches("xxx"));
}

TEST(GbnfTest, MistakesAreNamedWithTheirLine) {
  EXPECT_THAT(Refusal("root ::= \"a\"\nx = 1"), testing::HasSubstr("line 2"));
  EXPECT_THAT(Refusal("root ::= missing"), testing::HasSubstr("'missing' is used but not defined"));
  EXPECT_THAT(Refusal("a ::= \"x\""), testing::HasSubstr("no rule 'root'"));
  EXPECT_THAT(Refusal("root ::= \"x\"\nroot ::= \"y\""), testing::HasSubstr("defined twice"));
  EXPECT_THAT(Refusal("root ::= \"x"), testing::HasSubstr("too early"));
  EXPECT_NE(Refusal("root ::= (\"x\""), "");
  EXPECT_NE(Refusal("root ::= \"a\"********"), "");
  EXPECT_NE(Refusal(""), "");
}

TEST(GbnfTest, LeftRecursionIsRefusedHoweverItHides) {
  EXPECT_THAT(Refusal("root ::= root \"x\" | \"x\""), testing::HasSubstr("begins with itself"));
  EXPECT_THAT(Refusal("root ::= e root \"x\" | \"x\"\ne ::= \"a\"?"),
              testing::HasSubstr("begins with itself"));
  EXPECT_THAT(Refusal("root ::= a | \"x\"\na ::= (root \"z\")+"), testing::HasSubstr("begins with itself"));
}

TEST(GbnfTest, WhatMatchesNothingIsRefused) {
  EXPECT_THAT(Refusal("root ::= \"x\" root"), testing::HasSubstr("nothing satisfies it"));
}

TEST(GbnfTest, RightRecursionNeedsNoDepth) {
  EXPECT_TRUE(Read("root ::= \"x\" root | \"y\"")->Matches(std::string(100'000, 'x') + "y"));
}

}  // namespace
}  // namespace puna
