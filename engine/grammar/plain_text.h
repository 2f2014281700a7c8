#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/grammar/configurations.h"

namespace puna {

// Most tokens consist of characters that a JSON string holds as they are, and most grammars that allow some
// of these characters allow all: within a string it only matters how many there are. Here plain characters
// are those: all but controls, the quote, the backslash and what ends a line (U+2028, U+2029), as UTF-8.

// How many plain characters the bytes are; nothing if they are anything else, or cut within a character.
std::optional<size_t> CountPlain(std::string_view bytes);

// Where plain characters lead in one automaton, if it makes no difference which they are.
class PlainSteps {
 public:
  explicit PlainSteps(const PushdownAutomaton& automaton);

  // How many of them may follow `at`, up to `most`: so many of any kind, and no further one of any kind.
  // Nothing if that depends on the characters, or if finding out costs more than `most_work`.
  std::optional<size_t> Reach(Configurations& configurations, Configurations::Id at, size_t most,
                              size_t most_work) const;

 private:
  using InputClasses = std::vector<PushdownAutomaton::InputClass>;
  using Id = Configurations::Id;

  // Where one plain character leads; kDead if nowhere. Nothing if that depends on the character.
  std::optional<Id> Step(Configurations& configurations, Id at, size_t& work) const;

  // The kinds of characters by their encoding: for each of its bytes the classes that it may be of.
  std::vector<std::vector<InputClasses>> characters_;
};

}  // namespace puna
