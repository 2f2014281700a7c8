#include "server/http_probe.h"

#include <fmt/format.h>
#include <httplib.h>

#include "engine/base/error.h"

namespace puna {
namespace {

std::string Reachable(const std::string& host) {
  if (host == "0.0.0.0") return "127.0.0.1";
  if (host == "::" || host == "[::]") return "::1";
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  return bracketed ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

HttpProbeAnswer Probe(const std::string& host, int port, const std::string& path,
                      std::chrono::milliseconds limit) {
  const std::string name = Reachable(host);
  httplib::Client client(name, port);
  client.set_connection_timeout(limit);
  client.set_read_timeout(limit);
  client.set_write_timeout(limit);
  const bool v6 = name.find(':') != std::string::npos;
  const std::string authority = v6 ? fmt::format("[{}]:{}", name, port) : fmt::format("{}:{}", name, port);
  const httplib::Headers headers{{"Host", authority}};
  const httplib::Result result = client.Get(path, headers);
  if (result) return {result->status, result->body};
  const std::string where = fmt::format("{} port {}", Printable(name), port);
  if (result.error() == httplib::Error::Connection) throw Error("no server answers on " + where);
  throw Error(fmt::format("the server on {} did not answer within {} ms", where, limit.count()));
}

}  // namespace puna
