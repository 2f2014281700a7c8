#pragma once

#include <string>
#include <vector>

namespace puna {

// The keys in the text of a key file: one per line; blank lines and lines that start with # do not count.
std::vector<std::string> ParseKeyFile(const std::string& text);

// Throws Error if the file cannot be read or has no key in it: a server that was given one is never open.
std::vector<std::string> ReadKeyFile(const std::string& path);

}  // namespace puna
