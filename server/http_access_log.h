#pragma once

#include "server/http_connection.h"

namespace puna {

// The one line a request leaves: id, method, route pattern (never the path as sent), status, bytes sent,
// time, and how it ended. No bodies, no header values; foreign text is escaped.
void LogHttpRequest(const HttpConnection& connection, std::string_view end);

}  // namespace puna
