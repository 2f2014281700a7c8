#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/answer_figures.h"

namespace puna {

// What a route sees of HTTP. Plain structs: nothing above http_server knows the HTTP library.

struct HttpRequest {
  std::string
      id;  // "req-" + 24 hex digits, unique per request; goes into the log line and the x-request-id header
  std::string method;  // "GET", "POST"
  std::string path;    // decoded, without the query
  std::string query;   // as sent, without the '?'
  std::map<std::string, std::string>
      headers;       // names in lower case; at most 100; repeated ones joined by ", "
  std::string body;  // complete, within the limit
  std::chrono::steady_clock::time_point arrived;  // when the last byte of it was here

  // For whoever answers with tokens to fill; never null.
  std::shared_ptr<AnswerFigures> figures = std::make_shared<AnswerFigures>();

  std::string_view Header(std::string_view lower_case_name) const;  // "" if absent

  // True once the client has closed its connection, or the server stops. Cheap (a poll); may be asked from
  // the thread that handles the request, until its answer has been sent. A client that closed only its
  // sending side still waits for the answer; to tell it from one that left, it is sent "100 Continue" once
  // (HTTP/1.0 clients count as gone). Inside a stream, ask BodyWriter::ClientGone instead.
  std::function<bool()> client_gone;
};

// Where a streamed body goes. Used by the thread that handles the request only.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  // Sends at once. False: the client is gone or has not read for the stall limit; nothing more can be sent.
  virtual bool Write(std::string_view bytes) = 0;
  // True once the client has left or the server stops. To tell a client that left from one that closed only
  // its sending side, a text/event-stream is sent one comment (":"): call this between whole events.
  virtual bool ClientGone() = 0;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>>
      headers;  // beside the ones the server sets on every answer
  std::string body;
  // If set, sent instead of `body` as a chunked body: called after the headers have gone out.
  std::function<void(BodyWriter&)> stream;
};

// A request at its end, answered or not.
struct HttpEnd {
  const HttpRequest& request;
  std::string_view route;  // the pattern; "" if none took it
  int status;
  uint64_t bytes;                    // sent
  std::chrono::nanoseconds elapsed;  // since the connection was accepted
  std::string_view end;              // "complete", "gone", "stalled", "aborted" or "stopped"
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

}  // namespace puna
