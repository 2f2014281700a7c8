#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http_types.h"

namespace puna {

// Where the bytes of one answer go.
class HttpAnswerSink {
 public:
  virtual ~HttpAnswerSink() = default;
  // The next bytes of the answer. False: the client is gone.
  virtual bool Send(std::string_view bytes) = 0;
  // Called once, before the first Send, if the body will be streamed: from now on bytes must leave at once.
  virtual void BeginStream() = 0;
  // For a streamed body. `probe`: what may be sent to a half-closed client to learn whether it is still
  // there; "" nothing.
  virtual bool Gone(std::string_view probe) = 0;
};

struct HttpAnswer {
  int status = 500;
  bool streamed = false;
  bool complete = false;  // the answer went into the sink to its end
};

// Runs `handler` for `request` and writes what it answers to `sink`: status line, the headers every answer
// has, `headers`, and the body, chunked if it is streamed to an HTTP/1.1 client. Never throws: RequestError
// is the answer it stands for, any other exception is logged and answered with 500 and the request's id. Any
// thread.
HttpAnswer AnswerHttpRequest(const HttpRequest& request, int minor_version,
                             const std::vector<std::pair<std::string, std::string>>& headers,
                             const HttpHandler& handler, HttpAnswerSink& sink) noexcept;

}  // namespace puna
