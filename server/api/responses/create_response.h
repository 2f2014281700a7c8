#pragma once

#include <string>

#include "server/api/served_model.h"
#include "server/http_types.h"
#include "server/store/response_store.h"

namespace puna {

// POST /v1/responses for somebody whose responses are kept in `store` as those of `owner`. Throws
// RequestError.
HttpResponse CreateResponse(ServedModel& model, ResponseStore& store, const std::string& owner,
                            const HttpRequest& http);

}  // namespace puna
