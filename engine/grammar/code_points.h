#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace puna {

// The code points of a text; nothing if it is not UTF-8.
std::optional<std::vector<uint32_t>> CodePoints(std::string_view text);

}  // namespace puna
