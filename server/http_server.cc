#include "server/http_server.h"

#include <unistd.h>

#include <optional>

#include "engine/base/check.h"
#include "server/http_event_loop.h"
#include "server/http_listener.h"
#include "server/http_router.h"

namespace puna {

struct HttpServer::Impl {
  HttpServerOptions options;
  HttpRouter router;
  int port = 0;
  std::optional<HttpEventLoop> loop;  // from Start on
};

HttpServer::HttpServer(HttpServerOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
}

HttpServer::~HttpServer() { Stop(); }

void HttpServer::Route(std::string method, std::string path, HttpHandler handler) {
  CHECK(!impl_->loop.has_value()) << "routes are added before Start";
  impl_->router.Add(std::move(method), std::move(path), std::move(handler));
}

void HttpServer::Start() {
  CHECK(!impl_->loop.has_value()) << "started twice";
  // Bad options are reported before anybody can connect.
  HttpGuard guard(impl_->options);
  const int listener = OpenHttpListener(impl_->options.host, impl_->options.port);
  impl_->port = ListenerPort(listener);
  impl_->loop.emplace(impl_->options, impl_->router, std::move(guard), listener);
}

int HttpServer::port() const {
  CHECK(impl_->loop.has_value()) << "not started";
  return impl_->port;
}

void HttpServer::StopAccepting() {
  if (impl_->loop) impl_->loop->StopAccepting();
}

bool HttpServer::WaitIdle(std::chrono::steady_clock::time_point deadline) {
  return !impl_->loop || impl_->loop->WaitIdle(deadline);
}

void HttpServer::Stop() {
  if (impl_->loop) impl_->loop->Stop();
}

}  // namespace puna
