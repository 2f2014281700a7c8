#include "engine/grammar/plain_text.h"

#include <algorithm>
#include <array>

namespace puna {
namespace {

struct ByteRange {
  uint8_t low;
  uint8_t high;
  bool Contains(uint8_t byte) const { return low <= byte && byte <= high; }
};

// The well-formed sequences of UTF-8 (Unicode, table 3-7), without what is not plain.
struct Encoding {
  size_t length;
  std::array<ByteRange, 4> bytes;
};
constexpr std::array<Encoding, 15> kPlain = {{
    {1, {{{0x20, 0x21}}}},
    {1, {{{0x23, 0x5B}}}},
    {1, {{{0x5D, 0x7F}}}},
    {2, {{{0xC2, 0xDF}, {0x80, 0xBF}}}},
    {3, {{{0xE0, 0xE0}, {0xA0, 0xBF}, {0x80, 0xBF}}}},
    {3, {{{0xE1, 0xE1}, {0x80, 0xBF}, {0x80, 0xBF}}}},
    {3, {{{0xE2, 0xE2}, {0x80, 0x80}, {0x80, 0xA7}}}},
    {3, {{{0xE2, 0xE2}, {0x80, 0x80}, {0xAA, 0xBF}}}},
    {3, {{{0xE2, 0xE2}, {0x81, 0xBF}, {0x80, 0xBF}}}},
    {3, {{{0xE3, 0xEC}, {0x80, 0xBF}, {0x80, 0xBF}}}},
    {3, {{{0xED, 0xED}, {0x80, 0x9F}, {0x80, 0xBF}}}},
    {3, {{{0xEE, 0xEF}, {0x80, 0xBF}, {0x80, 0xBF}}}},
    {4, {{{0xF0, 0xF0}, {0x90, 0xBF}, {0x80, 0xBF}, {0x80, 0xBF}}}},
    {4, {{{0xF1, 0xF3}, {0x80, 0xBF}, {0x80, 0xBF}, {0x80, 0xBF}}}},
    {4, {{{0xF4, 0xF4}, {0x80, 0x8F}, {0x80, 0xBF}, {0x80, 0xBF}}}},
}};

constexpr size_t kMostWays = 16;  // within one character

bool BeginsWith(std::string_view bytes, const Encoding& encoding) {
  if (bytes.size() < encoding.length) return false;
  for (size_t i = 0; i < encoding.length; ++i)
    if (!encoding.bytes[i].Contains(static_cast<uint8_t>(bytes[i]))) return false;
  return true;
}

}  // namespace

std::optional<size_t> CountPlain(std::string_view bytes) {
  size_t count = 0;
  for (; !bytes.empty(); ++count) {
    const auto found =
        std::ranges::find_if(kPlain, [&](const Encoding& encoding) { return BeginsWith(bytes, encoding); });
    if (found == kPlain.end()) return std::nullopt;
    bytes.remove_prefix(found->length);
  }
  return count;
}

PlainSteps::PlainSteps(const PushdownAutomaton& automaton) {
  for (const Encoding& encoding : kPlain) {
    auto& character = characters_.emplace_back();
    for (size_t i = 0; i < encoding.length; ++i) {
      InputClasses classes;
      // Classes are ranges of bytes: equal ones are neighbours.
      for (int byte = encoding.bytes[i].low; byte <= encoding.bytes[i].high; ++byte) {
        const auto input = automaton.ClassOfByte(static_cast<uint8_t>(byte));
        if (classes.empty() || classes.back() != input) classes.push_back(input);
      }
      character.push_back(std::move(classes));
    }
  }
}

std::optional<Configurations::Id> PlainSteps::Step(Configurations& configurations, Id at,
                                                   size_t& work) const {
  std::optional<Id> target;
  std::vector<Id> from;
  std::vector<Id> to;
  for (const auto& character : characters_) {
    from.assign(1, at);
    for (const InputClasses& classes : character) {
      to.clear();
      for (const Id id : from) {
        for (const auto input : classes) {
          const Configurations::Step step = configurations.Take(id, input);
          work += step.cost;
          if (std::ranges::find(to, step.next) == to.end()) to.push_back(step.next);
        }
      }
      // Some lead nowhere and others do not; or so many ways will hardly meet again.
      if (to.size() > 1 && std::ranges::find(to, Configurations::kDead) != to.end()) return std::nullopt;
      if (to.size() > kMostWays) return std::nullopt;
      std::swap(from, to);
      if (from[0] == Configurations::kDead) break;
    }
    if (from.size() != 1 || (target && *target != from[0])) return std::nullopt;
    target = from[0];
  }
  return target;
}

std::optional<size_t> PlainSteps::Reach(Configurations& configurations, Configurations::Id at, size_t most,
                                        size_t most_work) const {
  size_t work = 0;
  for (size_t steps = 0; steps < most; ++steps) {
    const auto next = Step(configurations, at, work);
    if (!next || work > most_work) return std::nullopt;
    if (*next == Configurations::kDead) return steps;
    if (*next == at) return most;
    at = *next;
  }
  return most;
}

}  // namespace puna
