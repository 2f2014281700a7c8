#pragma once

#include <string>
#include <utility>

#include "engine/base/error.h"

namespace puna {

// A schema, pattern or grammar that cannot be used: what() says what is wrong, path() where in the schema, as
// in "properties.name.pattern" ("" for the whole of it).
class GrammarError : public Error {
 public:
  explicit GrammarError(const std::string& what, std::string path = {})
      : Error(what), path_(std::move(path)) {}
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace puna
