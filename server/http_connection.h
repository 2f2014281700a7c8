#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/http_body.h"
#include "server/http_head.h"
#include "server/http_peer.h"
#include "server/http_router.h"
#include "server/http_server_answer.h"
#include "server/http_types.h"

namespace puna {

// One accepted socket and the one request it may carry. Owned by the event loop. While a handler runs
// (kHandling) its thread alone uses request, peer, output and answer; the event loop does so before and
// after.
struct HttpConnection {
  using Clock = std::chrono::steady_clock;

  enum class Phase {
    kReadingHead,
    kReadingBody,
    kHandling,
    kWriting,    // an answer that is whole in `output`
    kLingering,  // answered; what the client still sends is thrown away, so that no reset destroys the answer
    kClosed,     // waits to be destroyed at the end of the loop's turn
  };

  HttpConnection(int socket, const HttpHeadLimits& limits, const std::atomic<bool>& stopping)
      : fd(socket), head_reader(limits), peer(socket, stopping) {}
  ~HttpConnection();  // closes the socket
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  const int fd;
  std::string client;  // see http_client_address.h
  Phase phase = Phase::kReadingHead;
  Clock::time_point accepted;
  Clock::time_point deadline;  // of this phase

  HttpHeadReader head_reader;
  HttpHead head;
  std::optional<HttpBodyReader> body_reader;
  size_t buffered = 0;  // body bytes this connection is charged with

  HttpRequest request;
  const HttpRoute* route = nullptr;
  std::vector<std::pair<std::string, std::string>> answer_headers;  // CORS

  HttpPeer peer;
  std::string output;
  size_t output_sent = 0;
  HttpAnswer answer;
  bool streaming = false;                   // bytes of a streamed answer may have been sent
  bool counted_busy = false;                // for WaitIdle
  bool end_of_input = false;                // the client has closed its side
  size_t thrown_away = 0;                   // bytes read while lingering
  HttpConnection* next_finished = nullptr;  // the list of connections whose handlers have ended
};

}  // namespace puna
