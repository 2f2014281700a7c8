#include "tokenizer/pre_split.h"

#include <cstdint>

#include "tokenizer/unicode.h"

namespace puna {
namespace {

constexpr size_t kMaxWindow = 400'000;  // characters
constexpr size_t kMaxRun = 25'000;      // characters

bool IsNewline(int32_t c) { return c == '\r' || c == '\n'; }

// Not a space, letter or number; ill-formed bytes too.
bool IsOther(int32_t c) { return !IsWhiteSpace(c) && !IsLetter(c) && !IsNumber(c); }

// Where the run of characters of a class that starts at `at` ends.
template <typename Class>
size_t SkipWhile(std::string_view text, size_t at, Class in_class) {
  while (at < text.size()) {
    const Character c = CharacterAt(text, at);
    if (!in_class(c.code_point)) break;
    at += c.length;
  }
  return at;
}

bool EqualsLetter(Character c, char lower) {
  // Case folding: U+017F, the long s, folds to s; no other letter of these endings has a relative outside
  // ASCII.
  return c.code_point == lower || c.code_point == lower - 'a' + 'A' ||
         (lower == 's' && c.code_point == 0x17F);
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d): its length, or 0.
size_t Contraction(std::string_view text) {
  if (text[0] != '\'' || text.size() < 2) return 0;
  const Character first = CharacterAt(text, 1);
  const size_t after_first = 1 + first.length;
  for (const char lower : {'s', 't', 'm', 'd'}) {
    if (EqualsLetter(first, lower)) return after_first;
  }
  if (after_first == text.size()) return 0;
  const Character second = CharacterAt(text, after_first);
  const bool matches =
      ((EqualsLetter(first, 'r') || EqualsLetter(first, 'v')) && EqualsLetter(second, 'e')) ||
      (EqualsLetter(first, 'l') && EqualsLetter(second, 'l'));
  return matches ? after_first + second.length : 0;
}

size_t UpToThreeNumbers(std::string_view text) {
  size_t at = 0;
  for (int i = 0; i < 3 && at < text.size(); ++i) {
    const Character c = CharacterAt(text, at);
    if (!IsNumber(c.code_point)) break;
    at += c.length;
  }
  return at;
}

// The last three alternatives, for text that starts with white space and fits nothing before them.
size_t WhiteSpace(std::string_view text) {
  size_t at = 0;
  size_t last_start = 0;          // of the run's last character
  size_t after_last_newline = 0;  // 0: none
  while (at < text.size()) {
    const Character c = CharacterAt(text, at);
    if (!IsWhiteSpace(c.code_point)) break;
    last_start = at;
    at += c.length;
    if (IsNewline(c.code_point)) after_last_newline = at;
  }
  if (after_last_newline > 0) return after_last_newline;  // \s*[\r\n]+
  if (at == text.size()) return at;                       // \s+(?!\S) at the end of the text
  return last_start > 0 ? last_start : at;  // \s+(?!\S) leaves the last one to the next piece; \s+
}

bool IsPySpace(int32_t c) { return IsWhiteSpace(c) || (c >= 0x1C && c <= 0x1F); }  // Python's str.isspace

}  // namespace

size_t FirstPiece(std::string_view text) {
  if (const size_t length = Contraction(text); length > 0) return length;
  const Character first = CharacterAt(text, 0);
  const size_t second = first.length;

  if (IsLetter(first.code_point)) return SkipWhile(text, second, IsLetter);
  if (!IsNewline(first.code_point) && !IsNumber(first.code_point)) {
    const size_t end = SkipWhile(text, second, IsLetter);
    if (end > second) return end;
  }
  if (const size_t length = UpToThreeNumbers(text); length > 0) return length;

  const size_t others = first.code_point == ' ' ? second : 0;
  const size_t end = SkipWhile(text, others, IsOther);
  if (end > others) return SkipWhile(text, end, IsNewline);
  return WhiteSpace(text);
}

std::string_view LongTextCutter::Next() {
  const size_t start = at_;
  size_t run = 0;
  bool run_is_space = false;
  while (at_ < text_.size() && in_window_ < kMaxWindow) {
    const Character c = CharacterAt(text_, at_);
    const bool is_space = IsPySpace(c.code_point);
    run = run > 0 && is_space == run_is_space ? run + 1 : 1;
    run_is_space = is_space;
    if (run > kMaxRun) return text_.substr(start, at_ - start);
    at_ += c.length;
    ++in_window_;
  }
  in_window_ = 0;
  return text_.substr(start, at_ - start);
}

}  // namespace puna
