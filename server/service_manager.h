#pragma once

#include <string_view>

namespace puna {

// Tells systemd how the service is doing, by the protocol of sd_notify(3): lines such as "READY=1" or
// "STATUS=...", sent to the socket that NOTIFY_SOCKET names. Does nothing without that variable, and a
// manager that does not listen is no reason to fail.
void NotifyServiceManager(std::string_view lines);

}  // namespace puna
