#pragma once

#include <cstdint>
#include <string>

namespace puna {

// For people: "4.73 MB", powers of 1000, three digits.
std::string FormatBytes(uint64_t bytes);

}  // namespace puna
