#include "server/http_client_address.h"

#include <netinet/in.h>

#include <cstring>

namespace puna {

std::string ClientOf(const sockaddr_storage& address) {
  char bytes[16];
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::memcpy(bytes, &v4.sin_addr, 4);
    return {bytes, 4};
  }
  if (address.ss_family != AF_INET6) return "";
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  std::memcpy(bytes, &v6.sin6_addr, 16);
  return IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) ? std::string(bytes + 12, 4) : std::string(bytes, 8);
}

}  // namespace puna
