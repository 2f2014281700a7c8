#pragma once

#include <string_view>

#include "server/api/responses/response_request.h"
#include "server/api/served_model.h"
#include "server/api/token_json.h"
#include "server/generation.h"

namespace puna {

// A response as clients see it: first without output and in progress,
OrderedJson NewResponse(const ResponseRequest& request, const ServedModel& model);
// then ended,
void EndResponse(FinishReason reason, OrderedJson output, const Usage& usage, OrderedJson& response);
// or with what could not be done.
void FailResponse(std::string_view message, OrderedJson& response);

}  // namespace puna
