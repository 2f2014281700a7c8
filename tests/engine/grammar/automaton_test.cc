#include <gtest/gtest.h>

#include "tests/engine/grammar/grammar_test_support.h"

namespace puna {
namespace {

TEST(AutomatonTest, NestingIsBoundedAndNotAMatterOfTheMachinesStack) {
  Grammar grammar;
  grammar.SetRoot(AnyJson(grammar));
  const auto json = ConstraintOf(grammar);
  const auto nested = [](size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_TRUE(json->Matches(nested(200)));
  EXPECT_FALSE(json->Matches(nested(100'000)));
}

TEST(AutomatonTest, AGrammarBeyondItsSizeIsRefusedWhileItIsBuilt) {
  Grammar grammar;
  EXPECT_THROW(
      {
        for (size_t i = 0; i <= Grammar::kMaxSize; ++i) grammar.Literal("x");
      },
      GrammarError);
}

TEST(AutomatonTest, SharedPartsThatDoubleAtEachLevelAreRefusedBeforeTheyAreSpelledOut) {
  Grammar grammar;
  ExpressionId doubled = grammar.Literal("x");
  for (int level = 0; level < 60; ++level) doubled = grammar.Sequence({doubled, doubled});
  grammar.SetRoot(doubled);
  EXPECT_THROW(PushdownAutomaton{grammar}, GrammarError);
}

TEST(AutomatonTest, ATextInTooManyPlacesAtOnceLeadsNowhereInsteadOfTakingAllMemory) {
  // After n letters there are about n squared places.
  Grammar grammar;
  const ExpressionId x = grammar.Literal("x");
  const ExpressionId some = grammar.Repeat(grammar.Repeat(x, 1, 3000), 1, 3000);
  grammar.SetRoot(grammar.Sequence({some, grammar.Literal("y")}));
  const auto constraint = ConstraintOf(grammar);
  EXPECT_TRUE(constraint->Matches(std::string(20, 'x') + "y"));
  EXPECT_FALSE(constraint->Matches(std::string(20'000, 'x') + "y"));
}

TEST(AutomatonTest, SymbolsAreApartFromBytes) {
  const TestVocabulary vocabulary;
  Grammar grammar;
  grammar.SetRoot(
      grammar.Sequence({grammar.Symbol(0), grammar.Repeat(grammar.Byte(0, 255), 0, Grammar::kUnbounded)}));
  const auto constraint = std::make_shared<TokenConstraint>(vocabulary.trie, grammar);
  TokenMatcher matcher(constraint);
  EXPECT_TRUE(IsAllowed(*matcher.Allowed(), vocabulary.symbol));
  EXPECT_FALSE(IsAllowed(*matcher.Allowed(), 'x'));
  matcher.Accept(vocabulary.symbol);
  EXPECT_FALSE(IsAllowed(*matcher.Allowed(), vocabulary.symbol));
  EXPECT_TRUE(IsAllowed(*matcher.Allowed(), 'x'));
}

}  // namespace
}  // namespace puna
