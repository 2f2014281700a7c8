#include "engine/grammar/code_point_reader.h"

#include <algorithm>

#include "engine/grammar/grammar.h"

namespace puna {

bool CodePointReader::SeesText(std::string_view text) const {
  if (text_.size() - at_ < text.size()) return false;
  return std::equal(text.begin(), text.end(), text_.begin() + static_cast<ptrdiff_t>(at_),
                    [](char a, uint32_t b) { return static_cast<uint32_t>(a) == b; });
}

bool CodePointReader::Skip(std::string_view text) {
  const bool sees = SeesText(text);
  if (sees) at_ += text.size();
  return sees;
}

uint32_t CodePointReader::Take() {
  if (AtEnd()) Refuse(std::string(name_) + " ends too early");
  return text_[at_++];
}

std::pair<int, int> CodePointReader::Counts(int most, std::string_view what) {
  const int min = Number(most, what);
  int max = min;
  if (Skip(",")) max = Sees('}') ? Grammar::kUnbounded : Number(most, what);
  if (!Skip("}")) Refuse("expected '}'");
  if (max != Grammar::kUnbounded && max < min) Refuse("the numbers of a quantifier are out of order");
  return {min, max};
}

int CodePointReader::Number(int most, std::string_view what) {
  int64_t number = 0;
  const size_t begin = at_;
  while (!AtEnd() && Here() >= '0' && Here() <= '9') {
    number = number * 10 + static_cast<int64_t>(text_[at_++] - '0');
    if (number > most) Refuse(std::string(what) + " above " + std::to_string(most));
  }
  if (at_ == begin) Refuse("expected a number");
  return static_cast<int>(number);
}

uint32_t CodePointReader::Hex(int digits) {
  uint32_t value = 0;
  for (int i = 0; i < digits; ++i) {
    const uint32_t c = Take();
    const bool digit = c >= '0' && c <= '9';
    const uint32_t lower = c | 0x20;
    if (!digit && (lower < 'a' || lower > 'f')) Refuse("expected a hexadecimal digit");
    value = value << 4 | (digit ? c - '0' : lower - 'a' + 10);
  }
  return value;
}

}  // namespace puna
