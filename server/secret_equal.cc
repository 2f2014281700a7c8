#include "server/secret_equal.h"

#include <cstddef>

namespace puna {

bool SecretEqual(std::string_view offered, std::string_view secret) {
  // volatile: the compiler may not leave the loop early once the answer is known.
  volatile unsigned char difference = offered.size() == secret.size() ? 0 : 1;
  for (size_t i = 0; i < offered.size(); ++i) {
    const char wanted = secret.empty() ? '\0' : secret[i % secret.size()];
    difference = static_cast<unsigned char>(difference | (offered[i] ^ wanted));
  }
  return difference == 0;
}

}  // namespace puna
