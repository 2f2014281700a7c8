#include "server/key_file.h"

#include <fstream>
#include <sstream>

#include "engine/base/error.h"

namespace puna {

std::vector<std::string> ParseKeyFile(const std::string& text) {
  std::vector<std::string> keys;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos || line[begin] == '#') continue;
    keys.push_back(line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin));
  }
  return keys;
}

std::vector<std::string> ReadKeyFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw Error("--api-key-file: cannot read " + Printable(path));
  std::vector<std::string> keys = ParseKeyFile(text.str());
  if (keys.empty()) throw Error("--api-key-file: " + Printable(path) + " has no key in it");
  return keys;
}

}  // namespace puna
