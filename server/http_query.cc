#include "server/http_query.h"

#include <algorithm>

#include "server/api_error.h"
#include "server/percent_decode.h"

namespace puna {

std::optional<std::string> QueryValue(std::string_view query, std::string_view name) {
  std::optional<std::string> found;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    std::string value(pair.substr(std::min(equals + 1, pair.size())));
    // Forms write blanks so.
    std::ranges::replace(value, '+', ' ');
    found = PercentDecode(value);
    if (!found) {
      throw RequestError(400, "Invalid '" + std::string(name) + "': the query is not well encoded.",
                         std::string(name), "invalid_value");
    }
  }
  return found && found->empty() ? std::nullopt : found;
}

}  // namespace puna
