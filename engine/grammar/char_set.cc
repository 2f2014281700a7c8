#include "engine/grammar/char_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

namespace puna {
namespace {

constexpr uint32_t kSurrogateLow = 0xD800;
constexpr uint32_t kSurrogateHigh = 0xDFFF;

std::array<uint8_t, 4> Utf8(uint32_t c, size_t length) {
  std::array<uint8_t, 4> bytes{};
  for (size_t i = length; i-- > 1; c >>= 6) bytes[i] = static_cast<uint8_t>(0x80 | (c & 0x3F));
  constexpr std::array<uint8_t, 5> kMarks = {0, 0, 0xC0, 0xE0, 0xF0};
  bytes[0] = static_cast<uint8_t>(kMarks[length] | c);
  return bytes;
}

// All code points from `low` to `high`, which have encodings of `length` bytes, as sequences of byte ranges:
// a range splits where its bytes after the first that differs do not cover all of 80..BF.
void AddUtf8(Grammar& grammar, uint32_t low, uint32_t high, size_t length, std::vector<ExpressionId>& out) {
  for (size_t tail = 1; tail < length; ++tail) {
    const uint32_t mask = (1u << (6 * tail)) - 1;
    if ((low & ~mask) == (high & ~mask)) continue;
    if ((low & mask) != 0) {
      AddUtf8(grammar, low, low | mask, length, out);
      return AddUtf8(grammar, (low | mask) + 1, high, length, out);
    }
    if ((high & mask) != mask) {
      AddUtf8(grammar, low, (high & ~mask) - 1, length, out);
      return AddUtf8(grammar, high & ~mask, high, length, out);
    }
  }
  const auto first = Utf8(low, length);
  const auto last = Utf8(high, length);
  std::vector<ExpressionId> bytes;
  for (size_t i = 0; i < length; ++i) bytes.push_back(grammar.Byte(first[i], last[i]));
  out.push_back(grammar.Sequence(std::move(bytes)));
}

void AddPlain(Grammar& grammar, const CharSet& set, std::vector<ExpressionId>& out) {
  struct Lengths {
    uint32_t low;
    uint32_t high;
    size_t length;
  };
  constexpr std::array<Lengths, 5> kLengths = {{{0, 0x7F, 1},
                                                {0x80, 0x7FF, 2},
                                                {0x800, kSurrogateLow - 1, 3},
                                                {kSurrogateHigh + 1, 0xFFFF, 3},
                                                {0x10000, CharSet::kLast, 4}}};
  for (const auto& [low, high] : set.ranges()) {
    for (const Lengths& part : kLengths) {
      const uint32_t from = std::max(low, part.low);
      const uint32_t to = std::min(high, part.high);
      if (from <= to) AddUtf8(grammar, from, to, part.length, out);
    }
  }
}

constexpr std::string_view kEscaped = "\"\\\b\f\n\r\t";
constexpr std::string_view kEscapes = "\"\\bfnrt";

// What cannot stand for itself in a JSON string.
const CharSet& Controls() {
  static const CharSet controls({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}});
  return controls;
}

std::string JsonEscape(uint32_t c) {
  const size_t place = c < 0x80 ? kEscaped.find(static_cast<char>(c)) : std::string_view::npos;
  if (place != std::string_view::npos) return {'\\', kEscapes[place]};
  return fmt::format("\\u{:04x}", c);
}

}  // namespace

CharSet::CharSet(std::initializer_list<Range> ranges) {
  for (const Range& range : ranges) Add(range.low, range.high);
}

CharSet CharSet::All() { return CharSet({{0, kSurrogateLow - 1}, {kSurrogateHigh + 1, kLast}}); }

void CharSet::Add(uint32_t low, uint32_t high) {
  if (low < kSurrogateLow && high > kSurrogateHigh) {
    Add(low, kSurrogateLow - 1);
    low = kSurrogateHigh + 1;
  }
  if (low >= kSurrogateLow && low <= kSurrogateHigh) low = kSurrogateHigh + 1;
  if (high >= kSurrogateLow && high <= kSurrogateHigh) high = kSurrogateLow - 1;
  if (low > high) return;
  const auto begin = std::ranges::find_if(ranges_, [&](const Range& range) { return range.high + 1 >= low; });
  auto end = begin;
  for (; end != ranges_.end() && end->low <= high + 1; ++end) {
    low = std::min(low, end->low);
    high = std::max(high, end->high);
  }
  ranges_.insert(ranges_.erase(begin, end), Range{low, high});
}

void CharSet::Add(const CharSet& other) {
  for (const Range& range : other.ranges_) Add(range.low, range.high);
}

CharSet CharSet::Inverted() const {
  CharSet inverted;
  uint32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.low > next) inverted.Add(next, range.low - 1);
    next = range.high + 1;
  }
  if (next <= kLast) inverted.Add(next, kLast);
  return inverted;
}

CharSet CharSet::Intersected(const CharSet& other) const {
  CharSet common;
  for (size_t i = 0, j = 0; i < ranges_.size() && j < other.ranges_.size();) {
    const Range& a = ranges_[i];
    const Range& b = other.ranges_[j];
    if (std::max(a.low, b.low) <= std::min(a.high, b.high))
      common.Add(std::max(a.low, b.low), std::min(a.high, b.high));
    a.high < b.high ? ++i : ++j;
  }
  return common;
}

bool CharSet::Contains(uint32_t c) const {
  return std::ranges::any_of(ranges_, [c](const Range& range) { return range.low <= c && c <= range.high; });
}

ExpressionId OneOf(Grammar& grammar, const CharSet& set, TextEncoding encoding) {
  std::vector<ExpressionId> out;
  if (encoding == TextEncoding::kPlain) {
    AddPlain(grammar, set, out);
    return grammar.Choice(std::move(out));
  }
  AddPlain(grammar, set.Intersected(Controls().Inverted()), out);
  const CharSet escaped = set.Intersected(Controls());
  for (const auto& [low, high] : escaped.ranges())
    for (uint32_t c = low; c <= high; ++c) out.push_back(grammar.Literal(JsonEscape(c)));
  return grammar.Choice(std::move(out));
}

ExpressionId AnyJsonStringChar(Grammar& grammar) {
  std::vector<ExpressionId> out;
  AddPlain(grammar, Controls().Inverted(), out);
  const CharSet hex({{'0', '9'}, {'a', 'f'}, {'A', 'F'}});
  const auto one = [&grammar](const CharSet& set) { return OneOf(grammar, set, TextEncoding::kPlain); };
  CharSet escapes;
  for (const char c : kEscapes) escapes.Add(static_cast<uint8_t>(c), static_cast<uint8_t>(c));
  escapes.Add('/', '/');
  out.push_back(grammar.Sequence({grammar.Literal("\\"), one(escapes)}));
  // \uD800 to \uDFFF are halves of a character.
  CharSet not_d({{'0', '9'}, {'a', 'c'}, {'e', 'f'}, {'A', 'C'}, {'E', 'F'}});
  out.push_back(grammar.Sequence({grammar.Literal("\\u"),
                                  grammar.Choice({grammar.Sequence({one(not_d), one(hex)}),
                                                  grammar.Sequence({one(CharSet({{'d', 'd'}, {'D', 'D'}})),
                                                                    one(CharSet({{'0', '7'}}))})}),
                                  one(hex), one(hex)}));
  return grammar.Choice(std::move(out));
}

}  // namespace puna
