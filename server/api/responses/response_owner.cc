#include "server/api/responses/response_owner.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "engine/base/check.h"

namespace puna {

std::string ResponseOwner(std::string_view api_key) {
  if (api_key.empty()) return "";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  CHECK(EVP_Digest(api_key.data(), api_key.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  std::string owner;
  for (unsigned int i = 0; i < size; ++i) owner += fmt::format("{:02x}", digest[i]);
  return owner;
}

}  // namespace puna
