#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace puna {

// The value of one name in a query ("limit=5&after=x"), decoded; nothing if it is not there or empty. The
// last one counts. Throws RequestError 400 if it is not well encoded.
std::optional<std::string> QueryValue(std::string_view query, std::string_view name);

}  // namespace puna
