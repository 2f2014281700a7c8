#pragma once

#include <string_view>

#include "server/api/served_model.h"
#include "server/http_types.h"

namespace puna {

// GET /v1/models
HttpResponse ListModels(const ServedModel& model);

// GET /v1/models/{id}. Throws RequestError 404 for any other id.
HttpResponse RetrieveModel(const ServedModel& model, std::string_view id);

// Throws RequestError 404 model_not_found if `name` is not the model that is served.
void CheckModelName(const ServedModel& model, std::string_view name);

}  // namespace puna
