#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "engine/grammar/grammar.h"

namespace puna {

// A set of Unicode code points, without surrogates. Ranges are sorted and do not touch.
class CharSet {
 public:
  static constexpr uint32_t kLast = 0x10FFFF;
  struct Range {
    uint32_t low;
    uint32_t high;
    bool operator==(const Range&) const = default;
  };

  CharSet() = default;
  CharSet(std::initializer_list<Range> ranges);
  static CharSet All();
  static CharSet Of(uint32_t c) { return CharSet({{c, c}}); }

  void Add(uint32_t low, uint32_t high);
  void Add(const CharSet& other);
  CharSet Inverted() const;
  CharSet Intersected(const CharSet& other) const;
  bool Contains(uint32_t c) const;
  bool empty() const { return ranges_.empty(); }
  std::span<const Range> ranges() const { return ranges_; }
  bool operator==(const CharSet&) const = default;

 private:
  std::vector<Range> ranges_;
};

// How a character of a text is written.
enum class TextEncoding {
  kPlain,       // as UTF-8
  kJsonString,  // within the quotes of a JSON string: some as escapes, the others as UTF-8
};

// One character of the set, written so. In a JSON string each character has one spelling here: the short
// escape where there is one, \u00XX for other controls, UTF-8 for all that may stand for itself.
ExpressionId OneOf(Grammar& grammar, const CharSet& set, TextEncoding encoding);

// Any character of a JSON string in any spelling but for escaped surrogates.
ExpressionId AnyJsonStringChar(Grammar& grammar);

}  // namespace puna
