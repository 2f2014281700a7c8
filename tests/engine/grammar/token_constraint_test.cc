#include "engine/grammar/token_constraint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "engine/grammar/regex.h"
#include "tests/engine/grammar/grammar_test_support.h"

namespace puna {
namespace {

const std::vector<std::string> kMore = {"{\"", "\":",    "name",     "\":\"", "\"}",  "a\"",   "ab",
                                        "abc", "\", \"", "\xC3\xA4", "tr",    "true", " true", "12",
                                        "123", "},",     "}}",       "\n  ",  "[1,",  "x\"}"};

std::shared_ptr<TokenConstraint> Constraint(const TestVocabulary& vocabulary, std::string_view schema) {
  Grammar grammar;
  grammar.SetRoot(JsonSchema(grammar, ParseJson(schema)));
  return std::make_shared<TokenConstraint>(vocabulary.trie, grammar);
}

constexpr std::string_view kSchema =
    R"({"type":"object","properties":{"name":{"type":"string"},"ok":{"type":"boolean"},
  "n":{"type":"array","items":{"type":"integer","minimum":5,"maximum":200}}},"required":["name"],"additionalProperties":false})";

// The grammar walked byte by byte, with no trie and no cache.
bool MayFollow(const Grammar& grammar, std::string_view before, std::string_view token) {
  const auto automaton = std::make_shared<const PushdownAutomaton>(grammar);
  Configurations configurations(automaton);
  Configurations::Id at = configurations.start();
  for (const std::string_view part : {before, token}) {
    for (const char c : part) {
      if (at == Configurations::kDead) return false;
      at = configurations.Next(at, automaton->ClassOfByte(static_cast<uint8_t>(c)));
    }
  }
  return at != Configurations::kDead;
}

TEST(TokenConstraintTest, TheMaskHasExactlyTheTokensWhoseBytesMayFollow) {
  const TestVocabulary vocabulary(kMore);
  Grammar grammar;
  grammar.SetRoot(JsonSchema(grammar, ParseJson(kSchema)));
  const auto constraint = std::make_shared<TokenConstraint>(vocabulary.trie, grammar);
  for (const std::string_view before :
       {"", "{", "{\"", "{\"name", "{\"name\":", "{\"name\": \"ab", "{\"name\":\"\\", "{\"name\":\"x\"",
        "{\"name\":\"x\",", "{\"name\":\"x\",\"n\":[1", "{\"name\":\"\xC3"}) {
    TokenMatcher matcher(constraint);
    for (const char c : before) matcher.Accept(static_cast<uint8_t>(c));
    const auto mask = matcher.Allowed();
    for (size_t token = 0; token < vocabulary.texts.size(); ++token) {
      EXPECT_EQ(IsAllowed(*mask, static_cast<int32_t>(token)),
                MayFollow(grammar, before, vocabulary.texts[token]))
          << '"' << before << "\" then \"" << vocabulary.texts[token] << '"';
    }
    EXPECT_FALSE(IsAllowed(*mask, vocabulary.end));
    EXPECT_FALSE(IsAllowed(*mask, vocabulary.symbol));
  }
}

// Tokens of all kinds: plain ones of many lengths, some cut within a character, with quotes and escapes, and
// two of the same bytes.
std::vector<std::string> RandomTokens(std::mt19937& random) {
  const std::vector<std::string> pieces = {"a",        "b",
                                           "1",        " ",
                                           ":",        "{",
                                           "}",        "\"",
                                           "\\",       "\n",
                                           "\xC3",     "\xA4",
                                           "\xC3\xA4", "\xE2\x82\xAC",
                                           "\xE2\x82", "\xF0\x9F\x98\x80",
                                           "\x7F",     "\xFF"};
  std::vector<std::string> tokens = {std::string(17, ' '), "a"};
  for (int i = 0; i < 400; ++i) {
    std::string token;
    for (size_t length = 1 + random() % 6; length > 0; --length) token += pieces[random() % pieces.size()];
    tokens.push_back(token);
  }
  return tokens;
}

TEST(TokenConstraintTest, MasksAreExactForAnyVocabularyWhereverTheAnswerIs) {
  const std::vector<std::function<ExpressionId(Grammar&)>> grammars = {
      [](Grammar& g) { return JsonSchema(g, ParseJson(kSchema)); },
      [](Grammar& g) { return JsonSchema(g, ParseJson(R"({"type":"string","minLength":2,"maxLength":9})")); },
      [](Grammar& g) { return JsonSchema(g, ParseJson(R"({"properties":{"a":{"type":"string"}}})")); },
      [](Grammar& g) { return Regex(g, "[ab\u00e4]{3,}\n.*", RegexMatch::kWhole, TextEncoding::kPlain); },
      [](Grammar& g) { return Regex(g, "[^\"]{0,4}\"(a|1)*", RegexMatch::kWhole, TextEncoding::kPlain); },
  };
  for (unsigned seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    const TestVocabulary vocabulary(RandomTokens(random));
    Grammar grammar;
    grammar.SetRoot(grammars[seed % grammars.size()](grammar));
    const auto automaton = std::make_shared<const PushdownAutomaton>(grammar);
    Configurations configurations(automaton);
    const auto follow = [&](Configurations::Id at, std::string_view bytes) {
      for (const char c : bytes) {
        if (at == Configurations::kDead) break;
        at = configurations.Next(at, automaton->ClassOfByte(static_cast<uint8_t>(c)));
      }
      return at;
    };
    TokenMatcher matcher(std::make_shared<TokenConstraint>(vocabulary.trie, grammar));
    Configurations::Id at = configurations.start();
    std::string text;
    for (int step = 0; step < 25 && !matcher.finished(); ++step) {
      const auto mask = matcher.Allowed();
      std::vector<int32_t> allowed;
      for (int32_t token = 0; token < vocabulary.end; ++token) {
        const std::string& bytes = vocabulary.texts[static_cast<size_t>(token)];
        const bool may = follow(at, bytes) != Configurations::kDead;
        ASSERT_EQ(IsAllowed(*mask, token), may) << '"' << text << "\" then \"" << bytes << '"';
        if (may) allowed.push_back(token);
      }
      ASSERT_FALSE(allowed.empty()) << text;
      const int32_t token = allowed[random() % allowed.size()];
      matcher.Accept(token);
      at = follow(at, vocabulary.texts[static_cast<size_t>(token)]);
      text += vocabulary.texts[static_cast<size_t>(token)];
    }
  }
}

TEST(TokenConstraintTest, TheEndIsAllowedWhereTheTextIsWholeAndFinishedWhereNothingElseIs) {
  const TestVocabulary vocabulary;
  const auto constraint = Constraint(vocabulary, R"({"enum":[1,12]})");
  TokenMatcher matcher(constraint);
  EXPECT_FALSE(IsAllowed(*matcher.Allowed(), vocabulary.end));
  matcher.Accept('1');
  EXPECT_TRUE(IsAllowed(*matcher.Allowed(), vocabulary.end));
  EXPECT_FALSE(matcher.finished());
  matcher.Accept('2');
  EXPECT_TRUE(IsAllowed(*matcher.Allowed(), vocabulary.end));
  EXPECT_TRUE(matcher.finished());
}

TEST(TokenConstraintTest, EveryWalkOfRandomAllowedTokensEndsInSomethingTheGrammarMatches) {
  const TestVocabulary vocabulary(kMore);
  const auto constraint = Constraint(vocabulary, kSchema);
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    TokenMatcher matcher(constraint);
    std::string text;
    for (int step = 0; step < 400; ++step) {
      const auto mask = matcher.Allowed();
      std::vector<int32_t> allowed;
      for (int32_t token = 0; token <= vocabulary.symbol; ++token)
        if (IsAllowed(*mask, token)) allowed.push_back(token);
      ASSERT_FALSE(allowed.empty()) << text;
      // Ends where it can, or random walks are long.
      const bool ends = IsAllowed(*mask, vocabulary.end);
      const int32_t quote = '"';
      int32_t token = allowed[random() % allowed.size()];
      if (random() % 4 == 0 && IsAllowed(*mask, quote)) token = quote;
      if (ends && (random() % 2 == 0 || token == vocabulary.end)) {
        EXPECT_TRUE(constraint->Matches(text)) << text;
        EXPECT_NO_THROW(ParseJson(text)) << text;
        break;
      }
      matcher.Accept(token);
      text += vocabulary.texts[static_cast<size_t>(token)];
    }
  }
}

TEST(TokenConstraintTest, MasksAreTheSameWhateverWasAskedBefore) {
  const TestVocabulary vocabulary(kMore);
  const auto used = Constraint(vocabulary, kSchema);
  const std::string text = R"({"name": "abc", "ok": true, "n": [7, 199]})";
  const auto masks = [&](const std::shared_ptr<TokenConstraint>& constraint) {
    TokenMatcher matcher(constraint);
    std::vector<TokenMask> all;
    for (const char c : text) {
      all.push_back(*matcher.Allowed());
      matcher.Accept(static_cast<uint8_t>(c));
    }
    all.push_back(*matcher.Allowed());
    return all;
  };
  const auto first = masks(used);
  for (int i = 0; i < 50; ++i)
    used->Matches(R"({"name": ")" + std::string(static_cast<size_t>(i), 'z') + R"("})");
  EXPECT_EQ(masks(used), first);
  EXPECT_EQ(masks(Constraint(vocabulary, kSchema)), first);
}

TEST(TokenConstraintTest, PastItsMemoryItForgetsWhatNoAnswerStandsAt) {
  const TestVocabulary vocabulary;
  Grammar grammar;
  const ExpressionId letters = grammar.Choice({grammar.Byte('a', 'z'), grammar.Byte('0', '9')});
  grammar.SetRoot(grammar.Sequence({grammar.Repeat(letters, 500'000, 600'000), grammar.Literal("!")}));
  const auto constraint = std::make_shared<TokenConstraint>(vocabulary.trie, grammar);
  TokenMatcher waiting(constraint);
  waiting.Accept('a');
  const TokenMask before = *waiting.Allowed();
  TokenMatcher running(constraint);
  size_t most = 0;
  for (int i = 0; i < 500'000; ++i) {
    running.Accept(i % 2 == 0 ? 'a' : '5');
    if (i % 1000 == 0) {
      running.Allowed();
      most = std::max(most, constraint->configurations());
    }
  }
  EXPECT_LT(most, 400'000u);
  EXPECT_TRUE(IsAllowed(*running.Allowed(), '!'));
  EXPECT_EQ(*waiting.Allowed(), before);
  EXPECT_FALSE(IsAllowed(*waiting.Allowed(), '!'));
}

}  // namespace
}  // namespace puna
