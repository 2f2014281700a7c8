#include "server/http_access_log.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "engine/base/error.h"

namespace puna {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

std::string_view Name(AnswerFigures::End end) {
  switch (end) {
    case AnswerFigures::End::kNoAnswer:
      return "none";
    case AnswerFigures::End::kComplete:
      return "complete";
    case AnswerFigures::End::kClientGone:
      return "client_gone";
    case AnswerFigures::End::kDeadline:
      return "deadline";
    case AnswerFigures::End::kShutdown:
      return "shutdown";
    case AnswerFigures::End::kFailed:
      return "failed";
  }
  return "unknown";
}

std::string AnswerFields(const HttpRequest& request) {
  const AnswerFigures& figures = *request.figures;
  if (figures.end == AnswerFigures::End::kNoAnswer) return "";
  std::string fields = fmt::format(" prompt_tokens={} cached_tokens={} completion_tokens={}",
                                   figures.prompt_tokens, figures.cached_tokens, figures.completion_tokens);
  if (figures.first_token)
    fields += fmt::format(" ttft_ms={:.1f}", Milliseconds(*figures.first_token - request.arrived).count());
  return fields + fmt::format(" answer={}", Name(figures.end));
}

}  // namespace

void LogHttpRequest(const HttpEnd& end) {
  const std::string method = end.request.method.empty() ? "-" : Printable(end.request.method, 16);
  spdlog::info("request {} method={} route={} status={} bytes={} ms={:.1f} end={}{}", end.request.id, method,
               end.route.empty() ? "-" : end.route, end.status, end.bytes, Milliseconds(end.elapsed).count(),
               end.end, AnswerFields(end.request));
}

}  // namespace puna
