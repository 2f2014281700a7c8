#pragma once

#include <string>
#include <string_view>

namespace puna {

// Whose the responses made with an API key are: a digest of the key, as it is also written into files; ""
// without a key.
std::string ResponseOwner(std::string_view api_key);

}  // namespace puna
