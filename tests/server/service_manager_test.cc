#include "server/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace puna {
namespace {

// What systemd would hear at that address; '@' begins a name that is in no file system.
std::string Heard(const std::string& address, std::string_view said) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  address.copy(name.sun_path, sizeof(name.sun_path) - 1);
  if (address.front() == '@') name.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&name), size), 0);
  setenv("NOTIFY_SOCKET", address.c_str(), 1);
  NotifyServiceManager(said);
  unsetenv("NOTIFY_SOCKET");
  char buffer[200];
  const ssize_t count = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  close(fd);
  return count < 0 ? "nothing" : std::string(buffer, static_cast<size_t>(count));
}

TEST(ServiceManagerTest, HearsWhatIsSaidAtAFile) {
  const std::string path = testing::TempDir() + "puna_notify_" + std::to_string(getpid());
  EXPECT_EQ(Heard(path, "READY=1\nSTATUS=serves"), "READY=1\nSTATUS=serves");
  std::filesystem::remove(path);
}

TEST(ServiceManagerTest, HearsWhatIsSaidAtANameWithoutFile) {
  EXPECT_EQ(Heard("@puna_notify_" + std::to_string(getpid()), "STOPPING=1"), "STOPPING=1");
}

TEST(ServiceManagerTest, ThatIsNotThereIsNoMistake) {
  unsetenv("NOTIFY_SOCKET");
  NotifyServiceManager("READY=1");
  for (const std::string& address : {std::string("/does/not/exist"), std::string(), std::string(500, 'x')}) {
    setenv("NOTIFY_SOCKET", address.c_str(), 1);
    NotifyServiceManager("READY=1");
  }
  unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace puna
