#include "server/commands/health.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "server/http_probe.h"

namespace puna {
namespace {

std::string Text(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? Printable(found->get<std::string>()) : "";
}

}  // namespace

void CheckHealth(const HealthOptions& options, std::ostream& out) {
  const HttpProbeAnswer answer = Probe(options.host, options.port, "/health", options.timeout);
  const auto health = nlohmann::json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  const std::string status = health.is_object() ? Text(health, "status") : "";
  if (status.empty()) {
    throw Error(fmt::format("what listens on port {} is no Puna: its /health is not Puna's (status {})",
                            options.port, answer.status));
  }
  if (answer.status != 200) throw Error(fmt::format("the server on port {} is {}", options.port, status));
  out << fmt::format("{}: {}\n", status, Text(health, "model"));
}

}  // namespace puna
