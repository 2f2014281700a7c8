#include "server/api/health.h"

#include <nlohmann/json.hpp>

#include "server/api_error.h"

namespace puna {
namespace {

using Json = nlohmann::ordered_json;

HttpResponse Answer(Json health, const RequestError* error) {
  HttpResponse response;
  if (error != nullptr) {
    response.status = error->status();
    health.update(Json::parse(error->Json()));
  }
  response.body = health.dump();
  return response;
}

Json WhatRuns(const ServedModel& model, const char* status) {
  const EngineStats stats = model.engine.Stats();
  return {{"status", status},
          {"model", model.id},
          {"requests", {{"running", stats.running}, {"waiting", stats.waiting}}},
          {"kv_blocks",
           {{"total", stats.kv_blocks_total},
            {"free", stats.kv_blocks_free},
            {"cached", stats.kv_blocks_cached}}}};
}

}  // namespace

HttpResponse Health(const ServerState& state) try {
  const ServedModel& model = state.Model();
  if (!model.leaving.load() && !model.draining.load()) return Answer(WhatRuns(model, "ok"), nullptr);
  const RequestError error(503, "The server is shutting down.", {}, "server_shutting_down", "server_error");
  return Answer(WhatRuns(model, "draining"), &error);
} catch (const RequestError& loading) {
  return Answer({{"status", "loading"}}, &loading);
}

}  // namespace puna
