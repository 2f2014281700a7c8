#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "engine/base/error.h"

namespace puna {

// A model file that cannot be used: "<path>: <what>, expected ..., found ...".
class LoadError : public Error {
 public:
  LoadError(const std::filesystem::path& path, std::string_view what)
      : Error(Printable(path.string(), 1000) + ": " + std::string(what)) {}
};

// What is wrong inside a file, said by the parsers, which see bytes and no path. model_dir puts the path in
// front and rethrows it as a LoadError.
class FormatError : public Error {
 public:
  using Error::Error;
};

}  // namespace puna
