#include "server/http_connection.h"

#include <unistd.h>

namespace puna {

HttpConnection::~HttpConnection() { close(fd); }

}  // namespace puna
