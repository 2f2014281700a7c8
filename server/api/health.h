#pragma once

#include "server/api/server_state.h"
#include "server/http_types.h"

namespace puna {

// GET /health: 503 with status "loading" until the model can answer, 200 with "ok", and 503 with "draining"
// once the server shuts down; the last two with what the engine is doing. Waits for nothing. A 503 is also an
// error in OpenAI's shape.
HttpResponse Health(const ServerState& state);

}  // namespace puna
