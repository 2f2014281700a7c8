#include "server/api/responses/response_object.h"

#include <chrono>
#include <utility>

#include "server/api/answer_writer.h"

namespace puna {
namespace {

int64_t Now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

OrderedJson UsageOf(const Usage& usage) {
  return {{"input_tokens", usage.prompt_tokens},
          {"input_tokens_details", {{"cached_tokens", usage.cached_tokens}, {"cache_write_tokens", 0}}},
          {"output_tokens", usage.completion_tokens},
          {"output_tokens_details", {{"reasoning_tokens", 0}}},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

}  // namespace

OrderedJson NewResponse(const ResponseRequest& request, const ServedModel& model) {
  OrderedJson response = {{"id", RandomId("resp_")},
                          {"object", "response"},
                          {"created_at", Now()},
                          {"status", "in_progress"},
                          {"background", false},
                          {"completed_at", nullptr},
                          {"error", nullptr},
                          {"incomplete_details", nullptr},
                          {"model", model.id},
                          {"output", OrderedJson::array()},
                          {"reasoning", {{"effort", nullptr}, {"summary", nullptr}}},
                          {"service_tier", "default"}};
  response.update(request.echo);
  return response;
}

void EndResponse(FinishReason reason, OrderedJson output, const Usage& usage, OrderedJson& response) {
  const bool complete = reason == FinishReason::kStop;
  response["status"] = complete ? "completed" : "incomplete";
  if (complete) {
    response["completed_at"] = Now();
  } else {
    response["incomplete_details"] = {{"reason", "max_output_tokens"}};
  }
  response["output"] = std::move(output);
  response["usage"] = UsageOf(usage);
}

void FailResponse(std::string_view message, OrderedJson& response) {
  response["status"] = "failed";
  response["error"] = {{"code", "server_error"}, {"message", message}};
}

}  // namespace puna
