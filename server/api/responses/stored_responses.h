#pragma once

#include <string>
#include <string_view>

#include "server/http_types.h"
#include "server/store/response_store.h"

namespace puna {

inline constexpr std::string_view kResponsesPrefix = "/v1/responses/";

// GET /v1/responses/{id}, and /v1/responses/{id}/input_items with limit, order and after in its query. What
// is not there or another owner's is RequestError 404.
HttpResponse GetResponse(ResponseStore& store, const std::string& owner, const HttpRequest& http);

// DELETE /v1/responses/{id}.
HttpResponse DeleteResponse(ResponseStore& store, const std::string& owner, const HttpRequest& http);

}  // namespace puna
