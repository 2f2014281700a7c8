#include "server/numbers.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace puna {
namespace {

std::string Scaled(double value, const std::array<std::string_view, 5>& units) {
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.3g}{}", value, units[unit]);
}

}  // namespace

std::string Grouped(int64_t number) {
  std::string digits = std::to_string(number);
  for (size_t from_end = 3; from_end < digits.size(); from_end += 4)
    digits.insert(digits.size() - from_end, 1, ',');
  return digits;
}

std::string FormatBytes(uint64_t bytes) {
  return Scaled(static_cast<double>(bytes), {" B", " kB", " MB", " GB", " TB"});
}

std::string FormatCount(int64_t number) {
  return Scaled(static_cast<double>(number), {"", " thousand", " million", " billion", " trillion"});
}

}  // namespace puna
