#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/http_types.h"

namespace puna {

// Limits of the guarded HTTP layer. Each closes a hole known from other servers (docs/architecture.md lists
// them).
struct HttpLimits {
  size_t max_body_bytes = 4 << 20;                    // 413 beyond
  size_t max_header_bytes = 32 << 10;                 // request line and headers together; 431 beyond
  size_t max_header_lines = 100;                      // 431 beyond
  size_t max_uri_bytes = 8 << 10;                     // 414 beyond
  std::chrono::milliseconds header_deadline{10'000};  // from accept to the end of the headers, in all
  std::chrono::milliseconds body_deadline{30'000};    // for the whole body
  std::chrono::milliseconds write_stall{30'000};      // a reader that takes nothing for so long is dropped
  int max_connections = 256;                          // 503 with Retry-After beyond
  // Of one address, see http_client_address.h; 429 with Retry-After beyond. Half, so that no client alone can
  // keep the others out.
  int max_connections_per_client = 128;
  // Handlers that may run at once, beside a few threads that only GET and HEAD use, so that /health is
  // answered when all others are busy. A streamed answer holds one until it ends. 503 with Retry-After
  // beyond: the engine has the queue.
  int max_handlers = 128;
  size_t max_buffered_bytes = 128 << 20;  // of all request bodies that are read or handled; 503 beyond
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;  // 0: any free one, see HttpServer::port()
  // Names a Host header may have beside localhost, loopback addresses, and `host` itself (DNS rebinding).
  // When bound to a non-loopback address any IP literal is accepted too.
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> allowed_origins;  // exact origins that may call from a page; none by default
  HttpLimits limits;
  // Told of every request at its end, by the thread that reads all sockets: must be quick and not throw.
  std::function<void(const HttpEnd&)> on_end;
};

// An HTTP/1.1 server with one request per connection. It guards before any handler runs: header and body
// limits and deadlines, Host and Origin checks, no Content-Encoding, no multipart, application/json on POST
// (415), unknown route (404), wrong method (405 with Allow), all as JSON errors in OpenAI's shape. An
// exception that leaves a handler is a 500 with a request id and no detail, logged. Every answer carries
// x-request-id and security headers. One log line per request, without bodies.
class HttpServer {
 public:
  explicit HttpServer(HttpServerOptions options);
  ~HttpServer();  // Stop()

  // Literal path, or one last segment as parameter: "/v1/models/*" matches one or more characters after the
  // slash, slashes included. Before Start only.
  void Route(std::string method, std::string path, HttpHandler handler);

  // Binds and accepts in threads of its own. Throws Error if the address is taken or not ours ("port 8080 is
  // in use...").
  void Start();
  int port() const;

  // Refuses new connections; handlers that run go on.
  void StopAccepting();
  // Waits until no handler runs, at most until the deadline. True if none does.
  bool WaitIdle(std::chrono::steady_clock::time_point deadline);
  // StopAccepting, then closes what is left and joins all threads. Handlers see ClientGone.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace puna
