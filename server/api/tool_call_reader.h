#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace puna {

// A part of a call: it begins (with its name), or its arguments go on.
struct CallPart {
  int index;
  std::optional<std::string> name;  // of a call that begins
  std::string arguments;            // the next piece of JSON
};

// Tells apart what an answer says and what it calls, while it arrives, from the grammar that ToolRules gives
// it. An answer is one or the other from its beginning on; what may still become either is held back.
class ToolCallReader {
 public:
  struct Parts {
    std::string content;
    std::vector<CallPart> calls;
  };

  // The model announced a call: what follows is one, whatever it looks like.
  void Announce();
  Parts Push(std::string_view text);
  // The answer ends here; what was held back.
  Parts Finish();

  bool called() const { return calls_ > 0; }

 private:
  enum class State {
    kUndecided,  // text or call
    kText,
    kBetween,  // calls: before the next one
    kHeader,   // in a call, before its arguments
    kArguments,
    kTail,  // after them
  };

  void Decide(Parts& parts);
  void PushCall(char c, Parts& parts);
  void ReadHeader(Parts& parts);
  void ReadArgument(char c, Parts& parts);

  State state_ = State::kUndecided;
  std::string held_;  // kUndecided: all so far; kHeader: of the call
  int calls_ = 0;
  bool named_ = false;  // the call's name was told
  int depth_ = 0;       // of the arguments' brackets
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace puna
