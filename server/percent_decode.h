#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace puna {

// Text of a URL without its %xx; nothing if two hex digits do not follow a '%'.
std::optional<std::string> PercentDecode(std::string_view text);

}  // namespace puna
