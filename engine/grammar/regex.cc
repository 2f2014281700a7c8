#include "engine/grammar/regex.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/grammar/code_point_reader.h"
#include "engine/grammar/code_points.h"
#include "engine/grammar/grammar_error.h"

namespace puna {
namespace {

constexpr int kMaxGroups = 50;          // within each other
constexpr int kMaxCount = 100'000;      // of a quantifier
constexpr size_t kMaxPattern = 10'000;  // characters

CharSet Digits() { return CharSet({{'0', '9'}}); }
CharSet WordChars() { return CharSet({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}); }
// ECMAScript's WhiteSpace and LineTerminator.
CharSet Spaces() {
  return CharSet({{0x09, 0x0D},
                  {0x20, 0x20},
                  {0xA0, 0xA0},
                  {0x1680, 0x1680},
                  {0x2000, 0x200A},
                  {0x2028, 0x2029},
                  {0x202F, 0x202F},
                  {0x205F, 0x205F},
                  {0x3000, 0x3000},
                  {0xFEFF, 0xFEFF}});
}
CharSet LineEnds() { return CharSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}); }

class Parser final : CodePointReader {
 public:
  Parser(Grammar& grammar, std::vector<uint32_t> pattern, RegexMatch match, TextEncoding encoding)
      : CodePointReader(std::move(pattern), "the pattern"),
        grammar_(grammar),
        match_(match),
        encoding_(encoding) {}

  ExpressionId Parse() {
    const ExpressionId all = Alternatives(/*depth=*/0, /*may_anchor=*/true);
    if (!AtEnd()) Refuse("unmatched ')'");
    return all;
  }

 private:
  [[noreturn]] void Refuse(const std::string& what) const override {
    throw GrammarError("the pattern cannot be used: " + what + " at character " + std::to_string(at_ + 1));
  }

  ExpressionId Chars(const CharSet& set) { return OneOf(grammar_, set, encoding_); }
  ExpressionId Anything() {
    if (!anything_) anything_ = grammar_.Repeat(Chars(CharSet::All()), 0, Grammar::kUnbounded);
    return *anything_;
  }

  ExpressionId Alternatives(int depth, bool may_anchor) {
    std::vector<ExpressionId> alternatives;
    do alternatives.push_back(Alternative(depth, may_anchor));
    while (Skip("|"));
    return grammar_.Choice(std::move(alternatives));
  }

  ExpressionId Alternative(int depth, bool may_anchor) {
    std::vector<ExpressionId> parts;
    const bool from_begin = may_anchor && Skip("^");
    bool to_end = false;
    while (!AtEnd() && !Sees('|') && !Sees(')')) {
      if (may_anchor && Sees('$')) {
        ++at_;
        to_end = true;
        if (!AtEnd() && !Sees('|') && !Sees(')')) Refuse("something follows '$'");
        break;
      }
      parts.push_back(Quantified(depth));
    }
    if (match_ == RegexMatch::kAnywhere && may_anchor) {
      if (!from_begin) parts.insert(parts.begin(), Anything());
      if (!to_end) parts.push_back(Anything());
    }
    return grammar_.Sequence(std::move(parts));
  }

  ExpressionId Quantified(int depth) {
    const ExpressionId atom = Atom(depth);
    int min = 1;
    int max = 1;
    if (Skip("*")) {
      min = 0;
      max = Grammar::kUnbounded;
    } else if (Skip("+")) {
      max = Grammar::kUnbounded;
    } else if (Skip("?")) {
      min = 0;
    } else if (Skip("{")) {
      std::tie(min, max) = Counts(kMaxCount, "a quantifier");
    } else {
      return atom;
    }
    Skip("?");  // lazy: the same texts match
    return grammar_.Repeat(atom, min, max);
  }

  ExpressionId Atom(int depth) {
    if (SeesText("(")) return Group(depth);
    if (Skip("[")) return Chars(Class());
    if (Skip(".")) return Chars(LineEnds().Inverted());
    if (Skip("\\")) return Chars(Escape(/*in_class=*/false));
    for (const char c : std::string_view("*+?{"))
      if (Sees(c)) Refuse("a quantifier with nothing before it");
    if (Sees('^') || Sees('$'))
      Refuse(std::string("'") + static_cast<char>(Here()) +
             "' inside of the pattern, which is not supported,");
    if (Sees(']') || Sees('}')) Refuse("an unmatched bracket");
    return Chars(CharSet::Of(Take()));
  }

  ExpressionId Group(int depth) {
    if (depth >= kMaxGroups) Refuse("groups nested too deeply");
    if (SeesText("(?=") || SeesText("(?!") || SeesText("(?<=") || SeesText("(?<!"))
      Refuse("look-around, which is not supported,");
    if (Skip("(?<")) {
      while (Take() != '>') {
      }
    } else if (!Skip("(?:")) {
      if (SeesText("(?")) Refuse("flags of a group, which are not supported,");
      Skip("(");
    }
    const ExpressionId inner = Alternatives(depth + 1, /*may_anchor=*/false);
    if (!Skip(")")) Refuse("expected ')'");
    return inner;
  }

  CharSet Class() {
    const bool inverted = Skip("^");
    CharSet set;
    while (!Sees(']')) {
      const auto low = ClassAtom();
      if (!SeesText("-") || SeesText("-]")) {
        set.Add(low);
        continue;
      }
      Skip("-");
      const auto high = ClassAtom();
      if (!IsOne(low) || !IsOne(high)) Refuse("a range between things that are no single characters");
      const uint32_t from = low.ranges()[0].low;
      const uint32_t to = high.ranges()[0].low;
      if (from > to) Refuse("a range out of order");
      set.Add(from, to);
    }
    Skip("]");
    return inverted ? set.Inverted() : set;
  }

  static bool IsOne(const CharSet& set) {
    return set.ranges().size() == 1 && set.ranges()[0].low == set.ranges()[0].high;
  }

  CharSet ClassAtom() { return Skip("\\") ? Escape(/*in_class=*/true) : CharSet::Of(Take()); }

  CharSet Escape(bool in_class) {
    const uint32_t c = Take();
    switch (c) {
      case 'd':
        return Digits();
      case 'D':
        return Digits().Inverted();
      case 'w':
        return WordChars();
      case 'W':
        return WordChars().Inverted();
      case 's':
        return Spaces();
      case 'S':
        return Spaces().Inverted();
      case 't':
        return CharSet::Of('\t');
      case 'n':
        return CharSet::Of('\n');
      case 'r':
        return CharSet::Of('\r');
      case 'f':
        return CharSet::Of('\f');
      case 'v':
        return CharSet::Of('\v');
      case '0':
        return CharSet::Of(0);
      case 'x':
        return CharSet::Of(Hex(2));
      case 'u':
        return CharSet::Of(UnicodeEscape());
      case 'b':
        if (in_class) return CharSet::Of('\b');
        break;
      default:
        break;
    }
    const bool letter = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (letter) Refuse(std::string("'\\") + static_cast<char>(c) + "', which is not supported,");
    return CharSet::Of(c);
  }

  uint32_t UnicodeEscape() {
    if (Skip("{")) {
      uint32_t c = 0;
      for (int digits = 0; !Skip("}"); ++digits) {
        if (digits == 6) Refuse("a code point of more than six digits");
        c = c << 4 | Hex(1);
      }
      if (c > CharSet::kLast) Refuse("a code point beyond 10FFFF");
      return c;
    }
    const uint32_t high = Hex(4);
    if (high < 0xD800 || high > 0xDBFF || !Skip("\\u")) return high;
    const uint32_t low = Hex(4);
    if (low < 0xDC00 || low > 0xDFFF) Refuse("half a surrogate pair");
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
  }

  Grammar& grammar_;
  const RegexMatch match_;
  const TextEncoding encoding_;
  std::optional<ExpressionId> anything_;
};

}  // namespace

ExpressionId Regex(Grammar& grammar, std::string_view pattern, RegexMatch match, TextEncoding encoding) {
  auto points = CodePoints(pattern);
  if (!points) throw GrammarError("the pattern is not UTF-8");
  if (points->size() > kMaxPattern)
    throw GrammarError("the pattern has more than " + std::to_string(kMaxPattern) + " characters");
  return Parser(grammar, *std::move(points), match, encoding).Parse();
}

}  // namespace puna
