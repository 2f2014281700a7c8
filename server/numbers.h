#pragma once

#include <cstdint>
#include <string>

// Numbers for people to read.
namespace puna {

// "16,060,522,496"
std::string Grouped(int64_t number);

// Powers of 1000, three digits: "4.73 MB".
std::string FormatBytes(uint64_t bytes);

// Likewise: "8.03 billion".
std::string FormatCount(int64_t number);

}  // namespace puna
