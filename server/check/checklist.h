#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/check/progress.h"

namespace puna {

// Meta's checklist.chk: what md5sum(1) writes, one line "SUM  NAME" per file of the directory.
struct ChecklistEntry {
  std::string md5;   // 32 hex digits in lower case
  std::string name;  // of a file in the same directory: never a path
};

// Throws Error that names the line if it is not of that form. Blank lines do not count.
std::vector<ChecklistEntry> ParseChecklist(std::string_view text);

// In hex digits, lower case. Adds bytes to `progress`.
std::string Md5(std::span<const std::byte> bytes, Progress& progress);

}  // namespace puna
