#pragma once

#include <atomic>

#include "server/api/served_model.h"
#include "server/metrics.h"

namespace puna {

// What handlers find from the first request on. The port is open while the model is still being loaded.
struct ServerState {
  Metrics metrics;
  bool log_prompts = false;                   // requests for answers are logged with their bodies
  std::atomic<ServedModel*> model = nullptr;  // set once, when it can answer

  // Throws RequestError 503 model_loading while there is none.
  ServedModel& Model() const;
};

}  // namespace puna
