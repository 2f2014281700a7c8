#pragma once

#include "server/http_types.h"

namespace puna {

// The one line a request leaves, as name=value: id, method, route pattern (never the path as sent), status,
// bytes sent, milliseconds since the connection was accepted, and how it ended. With answers also their
// tokens, the milliseconds from the arrival of the whole request to the first token, and how they ended. No
// bodies, no header values; foreign text is escaped.
void LogHttpRequest(const HttpEnd& end);

}  // namespace puna
