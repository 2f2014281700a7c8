#include "server/http_server.h"

#include <gtest/gtest.h>

TEST(HttpServerTest, Starts) {
  puna::HttpServerOptions o;
  o.port = 0;
  puna::HttpServer server(o);
  server.Route("GET", "/health", [](const puna::HttpRequest&) {
    puna::HttpResponse r;
    r.body = "{}";
    return r;
  });
  server.Route("POST", "/echo", [](const puna::HttpRequest& q) {
    puna::HttpResponse r;
    r.body = q.body;
    return r;
  });
  server.Route("GET", "/stream", [](const puna::HttpRequest&) {
    puna::HttpResponse r;
    r.content_type = "text/event-stream";
    r.stream = [](puna::BodyWriter& w) {
      for (int i = 0; i < 3; ++i) w.Write("data: x\n\n");
    };
    return r;
  });
  server.Start();
  printf("port %d\n", server.port());
  if (getenv("HOLD")) {
    getchar();
  }
}
