#include "server/http_client_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace puna {
namespace {

std::string Client(const char* text) {
  sockaddr_storage address{};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    std::memcpy(&address, &v4, sizeof v4);
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, text, &v6.sin6_addr), 1) << text;
    std::memcpy(&address, &v6, sizeof v6);
  }
  return ClientOf(address);
}

TEST(ClientAddressTest, OneAddressIsOneClient) {
  EXPECT_EQ(Client("192.0.2.1"), Client("192.0.2.1"));
  EXPECT_NE(Client("192.0.2.1"), Client("192.0.2.2"));
}

TEST(ClientAddressTest, TheSameIpv4AddressIsOneClientOverBothFamilies) {
  EXPECT_EQ(Client("::ffff:192.0.2.1"), Client("192.0.2.1"));
}

TEST(ClientAddressTest, ANetworkOfOneCustomerIsOneClientInIpv6) {
  EXPECT_EQ(Client("2001:db8:0:1::1"), Client("2001:db8:0:1:ffff::2"));
  EXPECT_NE(Client("2001:db8:0:1::1"), Client("2001:db8:0:2::1"));
}

TEST(ClientAddressTest, OtherFamiliesAreOneClient) {
  sockaddr_storage address{};
  address.ss_family = AF_UNIX;
  EXPECT_EQ(ClientOf(address), "");
}

}  // namespace
}  // namespace puna
