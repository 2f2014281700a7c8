#include "engine/base/check.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace puna::internal {

CheckFailure::~CheckFailure() {
  const std::string text = message_.str() + "\n";
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
  std::abort();
}

}  // namespace puna::internal
