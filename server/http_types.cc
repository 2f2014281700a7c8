#include "server/http_types.h"

namespace puna {

std::string_view HttpRequest::Header(std::string_view lower_case_name) const {
  const auto found = headers.find(std::string(lower_case_name));
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace puna
