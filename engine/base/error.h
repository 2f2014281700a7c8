#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace puna {

// Outside input (file, flag, request) that cannot be used. what() is one line a user understands: what,
// where, expected, found. Caught once per boundary (main, an HTTP request). Layers derive from it where the
// catcher needs more than the text.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Foreign text (file and tensor names, header values, request fields) made safe for a message or a log line:
// control characters and bytes that are not UTF-8 are escaped as \xNN, and it is cut after `max_bytes` with
// "...".
std::string Printable(std::string_view foreign, size_t max_bytes = 200);

}  // namespace puna
