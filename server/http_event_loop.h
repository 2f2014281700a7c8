#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/api_error.h"
#include "server/http_connection.h"
#include "server/http_guard.h"
#include "server/http_handler_pool.h"
#include "server/http_router.h"
#include "server/http_server.h"

namespace puna {

// One thread that accepts, reads, refuses, and writes whole answers for all connections, so that slow clients
// hold a socket and a few kilobytes but never a thread. Only a complete request that passed the guard goes to
// a handler thread.
//
// A connection serves one request and is closed. At a connection limit, that of all or that of one client,
// the one that has been sending its head for the longest gives way to the newcomer.
class HttpEventLoop {
 public:
  // Takes ownership of `listener`. `options` and `router` must outlive this.
  HttpEventLoop(const HttpServerOptions& options, const HttpRouter& router, HttpGuard guard, int listener);
  ~HttpEventLoop();  // Stop()

  // As HttpServer's. Any thread but a handler's.
  void StopAccepting();
  bool WaitIdle(std::chrono::steady_clock::time_point deadline);
  void Stop();

 private:
  using Clock = HttpConnection::Clock;
  using Phase = HttpConnection::Phase;

  void Run();
  void HandleEvents();
  int MillisecondsToNextDeadline() const;
  void Wake();
  void OnWake();
  void ExpireDeadlines();

  void AcceptAll();
  void AddConnection(int fd, std::string client);
  void MakeRoom(HttpConnection& newcomer);
  HttpConnection* Oldest(Phase phase, const HttpConnection* except,
                         const std::string* client = nullptr) const;
  HttpConnection& WhoGivesWay(HttpConnection& newcomer, const std::string* client) const;

  void OnReady(HttpConnection& c);
  void Read(HttpConnection& c);
  void Feed(HttpConnection& c, std::string_view bytes);
  void OnHead(HttpConnection& c, bool body_follows);
  void FeedBody(HttpConnection& c, std::string_view bytes);
  void OnEndOfInput(HttpConnection& c);
  void AnswerOptions(HttpConnection& c, const std::string& methods);
  void SetCors(HttpConnection& c);

  void Dispatch(HttpConnection& c);
  void RunHandler(HttpConnection& c) noexcept;
  void OnHandled(HttpConnection& c);
  void Refuse(HttpConnection& c, const RequestError& error,
              std::vector<std::pair<std::string, std::string>> headers = {});
  void AnswerHere(HttpConnection& c, const HttpHandler& handler);
  void RefuseBusy(HttpConnection& c, const char* message);

  void StartWriting(HttpConnection& c);
  void Write(HttpConnection& c);
  void EndBusy(HttpConnection& c);
  void StartLingering(HttpConnection& c);
  void ThrowAway(HttpConnection& c);
  void Finish(HttpConnection& c, std::string_view end);
  void Close(HttpConnection& c);
  void Watch(HttpConnection& c, uint32_t events);
  void DestroyClosed();
  void WatchListener(bool watch);

  void CloseListener();
  void AbortAll();
  std::string NewRequestId();

  const HttpServerOptions& options_;
  const HttpRouter& router_;
  const HttpGuard guard_;
  const HttpHeadLimits head_limits_;

  // Used by the loop's thread alone.
  int epoll_;
  int wake_;  // an eventfd
  int listener_;
  bool listener_paused_ = false;                                // out of descriptors
  std::map<int, std::unique_ptr<HttpConnection>> connections_;  // by descriptor
  bool any_closed_ = false;                                     // some wait to be destroyed
  size_t buffered_bytes_ = 0;                                   // of all request bodies held
  std::mt19937_64 ids_;
  std::string scratch_;  // what is read from sockets

  std::atomic<bool> stopping_{false};

  std::mutex mu_;
  std::condition_variable changed_;
  int busy_ = 0;                        // requests handled or being answered; guarded by mu_
  HttpConnection* finished_ = nullptr;  // handlers that ended; guarded by mu_
  bool accepting_ = true;               // guarded by mu_
  bool stop_accepting_asked_ = false;   // guarded by mu_

  std::mutex stop_mu_;  // one Stop at a time
  HttpHandlerPool get_pool_;
  HttpHandlerPool pool_;
  std::thread thread_;
};

}  // namespace puna
