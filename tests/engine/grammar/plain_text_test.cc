#include "engine/grammar/plain_text.h"

#include <gtest/gtest.h>

#include "engine/grammar/regex.h"
#include "tests/engine/grammar/grammar_test_support.h"

namespace puna {
namespace {

TEST(PlainTextTest, OnlyWholeCharactersThatAJsonStringHoldsAsTheyAreCount) {
  EXPECT_EQ(CountPlain(""), 0u);
  EXPECT_EQ(CountPlain("ab ~\x7F"), 5u);
  EXPECT_EQ(CountPlain("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"), 4u);
  for (const std::string_view bytes : {"a\"", "\\", "\n", "\x1F", "\xC3", "\xE2\x82", "\xA4", "\xC0\x80",
                                       "\xED\xA0\x80", "\xE2\x80\xA8", "\xF4\x90\x80\x80", "a\xFF"})
    EXPECT_EQ(CountPlain(bytes), std::nullopt) << bytes;
}

// How many plain characters may follow `before`.
std::optional<size_t> Reach(const Grammar& grammar, std::string_view before, size_t most = 16,
                            size_t most_work = 1'000'000) {
  const auto automaton = std::make_shared<const PushdownAutomaton>(grammar);
  Configurations configurations(automaton);
  Configurations::Id at = configurations.start();
  for (const char c : before) at = configurations.Next(at, automaton->ClassOfByte(static_cast<uint8_t>(c)));
  return PlainSteps(*automaton).Reach(configurations, at, most, most_work);
}

std::optional<size_t> SchemaReach(const char* schema, std::string_view before) {
  Grammar grammar;
  grammar.SetRoot(JsonSchema(grammar, ParseJson(schema)));
  return Reach(grammar, before);
}

TEST(PlainTextTest, WithinAStringItIsTheRestOfItsLength) {
  EXPECT_EQ(SchemaReach(R"({"type":"string"})", "\"ab"), 16u);
  EXPECT_EQ(SchemaReach(R"({"type":"string","minLength":3})", "\"a"), 16u);
  EXPECT_EQ(SchemaReach(R"({"type":"string","maxLength":5})", "\"ab"), 3u);
  EXPECT_EQ(SchemaReach(R"({"type":"string","maxLength":5})", "\"abcde"), 0u);
  EXPECT_EQ(SchemaReach(R"({"type":"string"})", "\"a\\"), std::nullopt) << "an escape";
  EXPECT_EQ(SchemaReach(R"({"type":"string"})", "\"\xC3"), 0u) << "half a character";
}

TEST(PlainTextTest, WhereCharactersDifferThereIsNoNumber) {
  const auto reach = [](const char* pattern, std::string_view before) {
    Grammar grammar;
    grammar.SetRoot(Regex(grammar, pattern, RegexMatch::kWhole, TextEncoding::kPlain));
    return Reach(grammar, before);
  };
  EXPECT_EQ(reach("[a-z]*", ""), std::nullopt);
  EXPECT_EQ(reach(".{2}x", ""), std::nullopt);
  EXPECT_EQ(reach("[^\\u20AC]*", ""), std::nullopt);
  EXPECT_EQ(reach(".*", ""), 16u);
  EXPECT_EQ(reach("\n*", "\n"), 0u);
}

TEST(PlainTextTest, FindingOutHasABound) {
  Grammar grammar;
  grammar.SetRoot(JsonSchema(grammar, ParseJson(R"({"type":"string"})")));
  EXPECT_EQ(Reach(grammar, "\"", 16, 3), std::nullopt);
}

}  // namespace
}  // namespace puna
