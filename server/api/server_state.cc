#include "server/api/server_state.h"

#include "server/api_error.h"

namespace puna {

ServedModel& ServerState::Model() const {
  if (ServedModel* loaded = model.load(std::memory_order_acquire)) return *loaded;
  throw RequestError(503, "The model is still being loaded.", {}, "model_loading", "server_error");
}

}  // namespace puna
