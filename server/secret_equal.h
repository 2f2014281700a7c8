#pragma once

#include <string_view>

namespace puna {

// True if `offered` equals `secret`. The time it takes depends on the length of `offered` alone, so that
// answers tell a guesser neither a prefix of the secret nor its length.
bool SecretEqual(std::string_view offered, std::string_view secret);

}  // namespace puna
