#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace puna {

// What the readers of patterns and grammars share: a place in a text of code points that moves on. Derived
// classes say in Refuse where they are.
class CodePointReader {
 protected:
  // `name`: what ends too early if it does.
  CodePointReader(std::vector<uint32_t> text, std::string_view name) : text_(std::move(text)), name_(name) {}
  ~CodePointReader() = default;

  // Throws GrammarError.
  [[noreturn]] virtual void Refuse(const std::string& what) const = 0;

  bool AtEnd() const { return at_ == text_.size(); }
  bool Sees(char c) const { return !AtEnd() && Here() == static_cast<uint32_t>(c); }
  bool SeesText(std::string_view text) const;
  bool Skip(std::string_view text);
  uint32_t Here() const { return text_[at_]; }  // REQUIRES: not AtEnd
  uint32_t Take();

  // Of a quantifier, behind its '{' and up to its '}': {n}, {n,} or {n,m}; without an end it is
  // Grammar::kUnbounded. Numbers above `most` are refused as `what` above it.
  std::pair<int, int> Counts(int most, std::string_view what);
  uint32_t Hex(int digits);

  const std::vector<uint32_t> text_;
  size_t at_ = 0;

 private:
  int Number(int most, std::string_view what);

  const std::string_view name_;
};

}  // namespace puna
