#include "server/http_listener.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/error.h"

namespace puna {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Addresses Resolve(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string name = bracketed ? host.substr(1, host.size() - 2) : host;
  // An embedded NUL would silently cut the name.
  const bool usable = !name.empty() && name.find('\0') == std::string::npos;
  const int error =
      usable ? getaddrinfo(name.c_str(), std::to_string(port).c_str(), &hints, &found) : EAI_NONAME;
  if (error != 0) {
    throw Error(fmt::format("cannot listen on host '{}': {}", Printable(host), gai_strerror(error)));
  }
  return Addresses(found, freeaddrinfo);
}

[[noreturn]] void Refuse(const std::string& host, int port, int error) {
  const std::string name = Printable(host);
  switch (error) {
    case EADDRINUSE:
      throw Error(
          fmt::format("port {} is in use on {}: stop what uses it, or choose another port", port, name));
    case EADDRNOTAVAIL:
      throw Error(fmt::format("cannot listen on {}: it is not an address of this machine", name));
    case EACCES:
      throw Error(
          fmt::format("no permission to listen on port {} of {}: choose one from 1024 up", port, name));
    default:
      throw Error(fmt::format("cannot listen on {} port {}: {}", name, port, std::strerror(error)));
  }
}

// Returns the descriptor, or -1 with errno.
int TryListen(const addrinfo& address) {
  const int fd = socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  const int off = 0;
  // Lets a restarted server take over its port from connections that linger; never SO_REUSEPORT, which would
  // let two servers share it.
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(fd, address.ai_addr, address.ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

}  // namespace

int OpenHttpListener(const std::string& host, int port) {
  if (port < 0 || port > 65535) throw Error(fmt::format("port must be from 0 to 65535, found {}", port));
  const Addresses addresses = Resolve(host, port);
  int error = EADDRNOTAVAIL;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
      if (address->ai_family != family) continue;
      const int fd = TryListen(*address);
      if (fd >= 0) return fd;
      error = errno;
      // Only an address that this machine lacks may be passed over: a taken port is an error.
      if (error != EAFNOSUPPORT && error != EADDRNOTAVAIL) Refuse(host, port, error);
    }
  }
  Refuse(host, port, error);
}

int ListenerPort(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0) << std::strerror(errno);
  const auto port = address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                                  : reinterpret_cast<sockaddr_in&>(address).sin_port;
  return ntohs(port);
}

}  // namespace puna
