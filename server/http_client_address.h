#pragma once

#include <sys/socket.h>

#include <string>

namespace puna {

// Whom a connection is counted for: an IPv4 address, also as IPv6 writes it (::ffff:a.b.c.d), or the first 64
// bits of an IPv6 address, all of which one customer of a network has. In raw bytes, 4 or 8; "" for other
// families.
std::string ClientOf(const sockaddr_storage& address);

}  // namespace puna
