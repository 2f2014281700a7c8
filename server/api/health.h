#pragma once

#include "server/api/served_model.h"
#include "server/http_types.h"

namespace puna {

// GET /health: 200 with status "ok", or 503 with "draining" once the server shuts down; both with what the
// engine is doing. Waits for nothing. The 503 is also an error in OpenAI's shape.
HttpResponse Health(const ServedModel& model);

}  // namespace puna
