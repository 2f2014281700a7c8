#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace puna {

// RFC 4648 section 4, padded.
std::string Base64(std::span<const std::byte> bytes);

}  // namespace puna
