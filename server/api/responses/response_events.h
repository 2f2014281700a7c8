#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/api/token_json.h"
#include "server/http_types.h"

namespace puna {

// Writes the events of one response: each has its type as its name, and a number.
class ResponseEvents {
 public:
  explicit ResponseEvents(BodyWriter& out) : out_(out) {}

  void Add(std::string_view type, const OrderedJson& members);
  // Enough is waiting to be sent.
  bool full() const;
  bool Flush();  // false: the client has gone

 private:
  BodyWriter& out_;
  int64_t next_number_ = 0;
  std::string unsent_;
};

}  // namespace puna
