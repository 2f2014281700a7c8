#pragma once

#include <atomic>
#include <memory>

#include "server/api/served_model.h"
#include "server/metrics.h"
#include "server/store/memory_response_store.h"

namespace puna {

// What handlers find from the first request on. The port is open while the model is still being loaded.
struct ServerState {
  Metrics metrics;
  bool log_prompts = false;                   // requests for answers are logged with their bodies
  std::atomic<ServedModel*> model = nullptr;  // set once, when it can answer
  // What /v1/responses keeps. Set before the server starts.
  std::unique_ptr<ResponseStore> responses = std::make_unique<MemoryResponseStore>();

  // Throws RequestError 503 model_loading while there is none.
  ServedModel& Model() const;
};

}  // namespace puna
