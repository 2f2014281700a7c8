#include "tokenizer/pre_split.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/unicode.h"

namespace puna {
namespace {

std::vector<std::string> Pieces(std::string_view text) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    const size_t length = FirstPiece(text);
    pieces.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return pieces;
}

using Strings = std::vector<std::string>;

TEST(PreSplitTest, WordsTakeTheBlankBeforeThem) {
  EXPECT_EQ(Pieces("Hello, big world"), (Strings{"Hello", ",", " big", " world"}));
}

TEST(PreSplitTest, NumbersAreCutInThrees) { EXPECT_EQ(Pieces("12345 6"), (Strings{"123", "45", " ", "6"})); }

TEST(PreSplitTest, ContractionsAreCutOffInAnyCase) {
  EXPECT_EQ(Pieces("I'm we'LL it'S"), (Strings{"I", "'m", " we", "'LL", " it", "'S"}));
  EXPECT_EQ(Pieces("it'ſ"), (Strings{"it", "'ſ"})) << "the long s folds to s";
}

TEST(PreSplitTest, TheLastBlankOfARunGoesToTheNextWord) {
  EXPECT_EQ(Pieces("a   b"), (Strings{"a", "  ", " b"}));
  EXPECT_EQ(Pieces("a   "), (Strings{"a", "   "}));
}

TEST(PreSplitTest, NewlinesTakeTheBlanksBeforeThem) {
  EXPECT_EQ(Pieces("a \n\n  b"), (Strings{"a", " \n\n", " ", " b"}));
  EXPECT_EQ(Pieces("!\r\n\nx"), (Strings{"!\r\n\n", "x"}));
}

// The pattern again, the slow way: every alternative as a backtracking matcher over characters, straight from
// its text.
class BruteForce {
 public:
  explicit BruteForce(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
      const Character c = CharacterAt(text, at);
      chars_.push_back(c);
      at += c.length;
    }
  }

  // Characters of the first match at `at`.
  size_t Match(size_t at) const {
    for (const auto& alternative :
         {Contraction(at), Word(at), Number(at), Other(at), Newlines(at), Trailing(at), Blanks(at)}) {
      if (alternative) return *alternative;
    }
    return 0;
  }
  const std::vector<Character>& chars() const { return chars_; }

 private:
  using Found = std::optional<size_t>;
  static bool Letter(int32_t c) { return IsLetter(c); }
  static bool Newline(int32_t c) { return c == '\r' || c == '\n'; }

  bool Is(size_t at, const std::function<bool(int32_t)>& in) const {
    return at < chars_.size() && in(chars_[at].code_point);
  }
  size_t Run(size_t at, const std::function<bool(int32_t)>& in) const {
    size_t n = 0;
    while (Is(at + n, in)) ++n;
    return n;
  }

  Found Contraction(size_t at) const {
    for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
      size_t n = 0;
      while (n < ending.size() && Is(at + n, [&](int32_t c) {
               return c == ending[n] || (n > 0 && c == ending[n] - 32) || (ending[n] == 's' && c == 0x17F);
             })) {
        ++n;
      }
      if (n == ending.size()) return n;
    }
    return {};
  }
  Found Word(size_t at) const {
    for (const size_t lead : {size_t{1}, size_t{0}}) {  // greedy: with the optional character first
      if (lead == 1 && !Is(at, [](int32_t c) { return !Newline(c) && !IsLetter(c) && !IsNumber(c); }))
        continue;
      if (const size_t n = Run(at + lead, Letter); n > 0) return lead + n;
    }
    return {};
  }
  Found Number(size_t at) const {
    const size_t n = std::min<size_t>(3, Run(at, IsNumber));
    return n > 0 ? Found(n) : Found();
  }
  Found Other(size_t at) const {
    for (const size_t blank : {size_t{1}, size_t{0}}) {
      if (blank == 1 && !Is(at, [](int32_t c) { return c == ' '; })) continue;
      const size_t n =
          Run(at + blank, [](int32_t c) { return !IsWhiteSpace(c) && !IsLetter(c) && !IsNumber(c); });
      if (n > 0) return blank + n + Run(at + blank + n, Newline);
    }
    return {};
  }
  Found Newlines(size_t at) const {
    for (size_t blanks = Run(at, IsWhiteSpace) + 1; blanks-- > 0;) {
      if (const size_t n = Run(at + blanks, Newline); n > 0) return blanks + n;
    }
    return {};
  }
  Found Trailing(size_t at) const {
    for (size_t n = Run(at, IsWhiteSpace); n > 0; --n) {
      const bool before_non_blank = at + n < chars_.size() && !IsWhiteSpace(chars_[at + n].code_point);
      if (!before_non_blank) return n;
    }
    return {};
  }
  Found Blanks(size_t at) const {
    const size_t n = Run(at, IsWhiteSpace);
    return n > 0 ? Found(n) : Found();
  }

  std::vector<Character> chars_;
};

TEST(PreSplitTest, EqualsABacktrackingMatcherOnRandomTextOfAwkwardCharacters) {
  const Strings alphabet = {"a", "S",  "s", "l",      "L",        "e",      "r",      "V",     "'",
                            "'", " ",  " ", "\n",     "\r",       "\t",     "1",      "9",     ".",
                            "!", "é",  "ſ", "\u00A0", "\u0085",   "\u3000", "\u200B", "½",     "٣",
                            "Ⅷ", "日", "😀", "\xFF",   "\xE2\x82", "\u0301", "\x1C",   "\uFEFF"};
  std::mt19937 random(1);
  for (int round = 0; round < 30'000; ++round) {
    std::string text;
    for (size_t length = 1 + random() % 12; length > 0; --length)
      text += alphabet[random() % alphabet.size()];
    const BruteForce brute(text);
    size_t at = 0;
    Strings want;
    std::string_view rest = text;
    while (!rest.empty()) {
      size_t bytes = 0;
      const size_t characters = brute.Match(at);
      ASSERT_GT(characters, 0u) << testing::PrintToString(text);
      for (size_t i = 0; i < characters; ++i) bytes += brute.chars()[at + i].length;
      at += characters;
      want.emplace_back(rest.substr(0, bytes));
      rest.remove_prefix(bytes);
    }
    ASSERT_EQ(Pieces(text), want) << testing::PrintToString(text);
  }
}

TEST(PreSplitTest, LongTextIsCutWhereMetasCodeCutsIt) {
  const auto parts = [](const std::string& text) {
    std::vector<size_t> sizes;
    LongTextCutter cutter(text);
    for (std::string_view part = cutter.Next(); !part.empty(); part = cutter.Next())
      sizes.push_back(part.size());
    return sizes;
  };
  EXPECT_EQ(parts(std::string(25'000, 'x')), (std::vector<size_t>{25'000}));
  EXPECT_EQ(parts(std::string(25'001, 'x')), (std::vector<size_t>{25'000, 1}));
  EXPECT_EQ(parts(std::string(10, ' ') + std::string(25'001, 'x')), (std::vector<size_t>{25'010, 1}));
  std::string words;
  while (words.size() < 400'001) words += "word ";
  EXPECT_EQ(parts(words)[0], 400'000u);
}

}  // namespace
}  // namespace puna
