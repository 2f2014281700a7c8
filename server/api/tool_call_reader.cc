#include "server/api/tool_call_reader.h"

#include <utility>

namespace puna {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kName = "\"name\"";
constexpr std::string_view kParameters = "\"parameters\"";

bool IsBlank(char c) { return kBlanks.find(c) != std::string_view::npos; }

CallPart& PartOf(int index, ToolCallReader::Parts& parts) {
  if (parts.calls.empty() || parts.calls.back().index != index)
    parts.calls.push_back({index, std::nullopt, ""});
  return parts.calls.back();
}

}  // namespace

void ToolCallReader::Announce() {
  if (state_ == State::kUndecided && held_.empty()) state_ = State::kBetween;
}

ToolCallReader::Parts ToolCallReader::Push(std::string_view text) {
  Parts parts;
  for (const char c : text) {
    switch (state_) {
      case State::kUndecided:
        held_.push_back(c);
        Decide(parts);
        break;
      case State::kText:
        parts.content.push_back(c);
        break;
      default:
        PushCall(c, parts);
        break;
    }
  }
  return parts;
}

ToolCallReader::Parts ToolCallReader::Finish() {
  Parts parts;
  if (state_ == State::kUndecided) parts.content = std::exchange(held_, {});
  return parts;
}

// A call begins with a brace and "name"; held_ has grown by one character.
void ToolCallReader::Decide(Parts& parts) {
  const std::string_view held = held_;
  const size_t word = held[0] == '{' ? held.find_first_not_of(kBlanks, 1) : std::string_view::npos;
  if (held[0] == '{' && word == std::string_view::npos) return;
  if (held[0] == '{' && kName.starts_with(held.substr(word))) {
    if (held.size() - word < kName.size()) return;
    state_ = State::kBetween;
    const std::string call = std::exchange(held_, {});
    for (const char c : call) PushCall(c, parts);
    return;
  }
  state_ = State::kText;
  parts.content += std::exchange(held_, {});
}

void ToolCallReader::PushCall(char c, Parts& parts) {
  switch (state_) {
    case State::kBetween:
      if (c != '{') return;
      state_ = State::kHeader;
      held_ = c;
      named_ = false;
      ++calls_;
      return;
    case State::kHeader:
      held_.push_back(c);
      ReadHeader(parts);
      return;
    case State::kArguments:
      ReadArgument(c, parts);
      return;
    case State::kTail:
      if (c == '}') state_ = State::kBetween;
      return;
    case State::kUndecided:
    case State::kText:
      return;
  }
}

void ToolCallReader::ReadHeader(Parts& parts) {
  const char c = held_.back();
  if (!named_ && c == '"') {
    // {"name": "f": the name is between the last two of four quotes. Names have no escapes.
    size_t quotes = 0;
    for (const char h : held_) quotes += h == '"';
    if (quotes < 4) return;
    const size_t begin = held_.rfind('"', held_.size() - 2) + 1;
    PartOf(calls_ - 1, parts).name = held_.substr(begin, held_.size() - 1 - begin);
    named_ = true;
    held_.clear();
    return;
  }
  const size_t parameters = held_.find(kParameters);
  if (!named_ || parameters == std::string::npos) return;
  const size_t colon = held_.find(':', parameters + kParameters.size());
  if (colon == std::string::npos || colon + 1 == held_.size() || IsBlank(c)) return;
  state_ = State::kArguments;
  held_.clear();
  depth_ = 0;
  in_string_ = escaped_ = false;
  ReadArgument(c, parts);
}

void ToolCallReader::ReadArgument(char c, Parts& parts) {
  PartOf(calls_ - 1, parts).arguments.push_back(c);
  if (in_string_) {
    if (!escaped_ && c == '"') in_string_ = false;
    escaped_ = !escaped_ && c == '\\';
    return;
  }
  if (c == '"') in_string_ = true;
  if (c == '{' || c == '[') ++depth_;
  if ((c == '}' || c == ']') && --depth_ == 0) state_ = State::kTail;
}

}  // namespace puna
