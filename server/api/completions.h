#pragma once

#include "server/api/served_model.h"
#include "server/http_types.h"

namespace puna {

// POST /v1/completions. Throws RequestError.
HttpResponse Completions(ServedModel& model, const HttpRequest& http);

}  // namespace puna
