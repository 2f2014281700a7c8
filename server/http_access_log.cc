#include "server/http_access_log.h"

#include <spdlog/spdlog.h>

#include "engine/base/error.h"

namespace puna {

void LogHttpRequest(const HttpConnection& connection, std::string_view end) {
  const std::chrono::duration<double, std::milli> elapsed =
      HttpConnection::Clock::now() - connection.accepted;
  const std::string method =
      connection.request.method.empty() ? "-" : Printable(connection.request.method, 16);
  spdlog::info("request {} method={} route={} status={} bytes={} ms={:.1f} end={}", connection.request.id,
               method, connection.route == nullptr ? "-" : connection.route->pattern,
               connection.answer.status, connection.peer.bytes_sent() + connection.output_sent,
               elapsed.count(), end);
}

}  // namespace puna
