#include "server/api/health.h"

#include <nlohmann/json.hpp>

#include "server/api_error.h"

namespace puna {

HttpResponse Health(const ServedModel& model) {
  const bool draining = model.draining.load();
  const EngineStats stats = model.engine.Stats();
  nlohmann::ordered_json health = {{"status", draining ? "draining" : "ok"},
                                   {"model", model.id},
                                   {"requests", {{"running", stats.running}, {"waiting", stats.waiting}}},
                                   {"kv_blocks",
                                    {{"total", stats.kv_blocks_total},
                                     {"free", stats.kv_blocks_free},
                                     {"cached", stats.kv_blocks_cached}}}};
  HttpResponse response;
  if (draining) {
    const RequestError error(503, "The server is shutting down.", {}, "server_shutting_down", "server_error");
    response.status = error.status();
    health.update(nlohmann::ordered_json::parse(error.Json()));
  }
  response.body = health.dump();
  return response;
}

}  // namespace puna
