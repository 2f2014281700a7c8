#include <gtest/gtest.h>

#include <random>

#include "engine/grammar/gbnf.h"
#include "engine/grammar/regex.h"
#include "tests/engine/grammar/grammar_test_support.h"

namespace puna {
namespace {

// A schema of random keywords, right and wrong, within each other.
class SchemaMaker {
 public:
  explicit SchemaMaker(unsigned seed) : random_(seed) {}

  std::string Schema(int depth = 0) {
    if (Chance(20)) return Pick({"true", "false", "{}", "[]", "5", "null"});
    std::string out = "{";
    const size_t count = Number(4) + 1;
    for (size_t i = 0; i < count; ++i) out += (i > 0 ? "," : "") + Member(depth);
    return out + "}";
  }

 private:
  size_t Number(size_t below) { return random_() % below; }
  bool Chance(size_t one_in) { return Number(one_in) == 0; }
  std::string Pick(std::vector<std::string> from) { return from[Number(from.size())]; }
  std::string Name() { return Pick({"\"a\"", "\"b\"", "\"c\\u0000\"", "\"\xC3\xA4\"", "\"\""}); }
  std::string Size() { return Pick({"0", "1", "2", "5", "1000000000", "-1", "1.5", "\"x\""}); }
  std::string Value() { return Pick({"1", "\"a\"", "null", "[1,2]", "{\"a\":1}", "-2.5e10"}); }

  std::string List(int depth) {
    std::string out = "[" + Schema(depth + 1);
    for (size_t more = Number(3); more > 0; --more) out += "," + Schema(depth + 1);
    return out + "]";
  }

  std::string Member(int depth) {
    const bool deep = depth < 4;
    switch (Number(deep ? 20 : 12)) {
      case 0:
      case 1:
        return "\"type\":" + Pick({"\"object\"", "\"array\"", "\"string\"", "\"integer\"", "\"number\"",
                                   "\"null\"", "[\"string\",\"array\"]", "\"x\""});
      case 2:
        return "\"" +
               Pick({"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}) +
               "\":" + Size();
      case 3:
        return "\"" + Pick({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}) +
               "\":" + Pick({"0", "-5", "3.25", "1e300", "-1e-7", "7", "999999999999999"});
      case 4:
        return "\"pattern\":\"" + Pick({"a+", "^x{2,50}$", "(a|b)*c", ".", "[", "(?=x)", "(a*)*"}) + "\"";
      case 5:
        return "\"format\":\"" + Pick({"date", "email", "ipv6", "uuid", "nothing", "int32"}) + "\"";
      case 6:
        return "\"enum\":[" + Value() + "," + Value() + "]";
      case 7:
        return "\"const\":" + Value();
      case 8:
        return "\"required\":[" + Name() + "," + Name() + "]";
      case 9:
        return "\"$ref\":\"" + Pick({"#", "#/properties/a", "#/anyOf/0", "#/$defs/x", "#x"}) + "\"";
      case 10:
        return "\"" + Pick({"nullable", "uniqueItems", "additionalProperties", "title", "not"}) +
               "\":" + Pick({"true", "false"});
      case 11:
        return "\"description\":" + Value();
      case 12:
      case 13:
        return "\"properties\":{" + Name() + ":" + Schema(depth + 1) + "," + Name() + ":" +
               Schema(depth + 1) + "}";
      case 14:
        return "\"" + Pick({"anyOf", "oneOf", "allOf", "prefixItems"}) + "\":" + List(depth);
      case 15:
        return "\"allOf\":" + List(depth);
      case 16:
        return "\"items\":" + (Chance(2) ? Schema(depth + 1) : List(depth));
      case 17:
        return "\"additionalProperties\":" + Schema(depth + 1);
      case 18:
        return "\"propertyNames\":" + Schema(depth + 1);
      default:
        return "\"$defs\":{\"x\":" + Schema(depth + 1) + "}";
    }
  }

  std::mt19937 random_;
};

// Walks where random allowed tokens lead; there is always a way on, and an end is one.
void Walk(const std::shared_ptr<TokenConstraint>& constraint, unsigned seed) {
  std::mt19937 random(seed);
  TokenMatcher matcher(constraint);
  std::string text;
  for (int step = 0; step < 40 && !matcher.finished(); ++step) {
    const auto mask = matcher.Allowed();
    std::vector<int32_t> allowed;
    for (int32_t token = 0; token < 256; ++token)
      if (IsAllowed(*mask, token)) allowed.push_back(token);
    ASSERT_FALSE(allowed.empty() && !constraint->Matches(text)) << text;
    if (allowed.empty()) return;
    const int32_t token = allowed[random() % allowed.size()];
    matcher.Accept(token);
    text.push_back(static_cast<char>(token));
  }
}

TEST(SchemaFuzzTest, RandomSchemasAreRefusedOrWork) {
  int used = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    const std::string schema = SchemaMaker(seed).Schema();
    SCOPED_TRACE(schema);
    try {
      const auto constraint = SchemaConstraint(schema);
      ++used;
      Walk(constraint, seed);
    } catch (const GrammarError&) {
    }
  }
  EXPECT_GT(used, 300) << "most of them were refused";
}

TEST(SchemaFuzzTest, RandomPatternsAndGrammarsAreRefusedOrWork) {
  constexpr std::string_view kAlphabet = "ab01()[]{}|*+?.^$\\-,:= \"\n#droot";
  int used = 0;
  for (unsigned seed = 0; seed < 6000; ++seed) {
    std::mt19937 random(seed);
    std::string text = seed % 2 == 0 ? "" : "root ::= ";
    for (size_t length = random() % 24; length > 0; --length)
      text.push_back(kAlphabet[random() % kAlphabet.size()]);
    SCOPED_TRACE(text);
    try {
      Grammar grammar;
      grammar.SetRoot(seed % 2 == 0 ? Regex(grammar, text, RegexMatch::kWhole, TextEncoding::kPlain)
                                    : Gbnf(grammar, text));
      const auto constraint = ConstraintOf(grammar);
      ++used;
      Walk(constraint, seed);
    } catch (const GrammarError&) {
    }
  }
  EXPECT_GT(used, 300);
}

}  // namespace
}  // namespace puna
