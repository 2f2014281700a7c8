#include "server/routes.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <string_view>
#include <utility>

#include "server/api/chat_completions.h"
#include "server/api/completions.h"
#include "server/api/embeddings.h"
#include "server/api/health.h"
#include "server/api/messages/messages.h"
#include "server/api/model_structure.h"
#include "server/api/models.h"
#include "server/api/responses/create_response.h"
#include "server/api/responses/response_owner.h"
#include "server/api/responses/stored_responses.h"
#include "server/api/tokenize.h"
#include "server/api_error.h"
#include "server/error_form.h"
#include "server/secret_equal.h"
#include "server/static_files.h"

namespace puna {
namespace {

constexpr std::string_view kModelPrefix = "/v1/models/";
constexpr size_t kLoggedBody = 8000;  // bytes

bool EqualsBearer(std::string_view scheme) {
  constexpr std::string_view kBearer = "bearer";
  if (scheme.size() != kBearer.size()) return false;
  for (size_t i = 0; i < scheme.size(); ++i)
    if ((scheme[i] | 0x20) != kBearer[i]) return false;
  return true;
}

// "Bearer KEY"; the scheme in any case, RFC 9110 section 11.1.
std::string_view BearerToken(std::string_view authorization) {
  const size_t blank = authorization.find(' ');
  if (blank == std::string_view::npos || !EqualsBearer(authorization.substr(0, blank))) return "";
  std::string_view token = authorization.substr(blank);
  while (!token.empty() && token.front() == ' ') token.remove_prefix(1);
  while (!token.empty() && token.back() == ' ') token.remove_suffix(1);
  return token;
}

// A refusal's answer with the headers its status asks for.
HttpResponse Refuse(const RequestError& error, const HttpRequest& http) {
  HttpResponse response = ErrorResponse(error, http);
  if (error.status() == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (error.status() == 429) response.headers.emplace_back("Retry-After", "1");
  // One that loads is there soon; the one that takes the place of one that drains needs a moment, too.
  if (error.status() == 503) response.headers.emplace_back("Retry-After", "5");
  // For OpenAI's clients, which would send the request again and wait as long again.
  if (error.status() == 504) response.headers.emplace_back("x-should-retry", "false");
  return response;
}

HttpHandler WithRefusals(HttpHandler handler) {
  return [handler = std::move(handler)](const HttpRequest& http) {
    try {
      return handler(http);
    } catch (const RequestError& error) {
      return Refuse(error, http);
    }
  };
}

HttpResponse MetricsPage(const ServerState& state) {
  HttpResponse response;
  response.content_type = kMetricsContentType;
  if (const ServedModel* model = state.model.load()) {
    const EngineStats stats = model->engine.Stats();
    response.body = state.metrics.Text(&stats);
  } else {
    response.body = state.metrics.Text(nullptr);
  }
  return response;
}

void RefuseWhileDraining(const ServedModel& model) {
  if (model.draining.load())
    throw RequestError(503, "The server is shutting down.", {}, "server_shutting_down", "server_error");
}

// The model, for a request that wants an answer of it.
ServedModel& ModelToAnswer(const ServerState& state, const HttpRequest& http) {
  ServedModel& model = state.Model();
  RefuseWhileDraining(model);
  if (state.log_prompts) spdlog::info("request {} body={}", http.id, Printable(http.body, kLoggedBody));
  return model;
}

}  // namespace

std::string_view ApiKeys::Check(const HttpRequest& http) const {
  if (keys_.empty()) return "";
  const std::string_view token = BearerToken(http.Header("authorization"));
  // Where Anthropic's clients put theirs.
  const std::string_view anthropics = http.Header("x-api-key");
  if (token.empty() && anthropics.empty()) {
    throw RequestError(
        401,
        "You didn't provide an API key. Send it in the header 'Authorization: Bearer YOUR_KEY' "
        "or 'x-api-key: YOUR_KEY'.");
  }
  const std::string* named = nullptr;
  for (const std::string& key : keys_) {
    const bool equal = SecretEqual(token, key);
    if (SecretEqual(anthropics, key) || equal) named = &key;
  }
  if (named == nullptr) throw RequestError(401, "Incorrect API key provided.", {}, "invalid_api_key");
  return *named;
}

std::vector<std::tuple<std::string, std::string, HttpHandler>> ApiRoutes(ServerState& state, ApiKeys keys) {
  const auto shared_keys = std::make_shared<const ApiKeys>(std::move(keys));
  const auto guarded = [shared_keys](HttpHandler handler) {
    return WithRefusals([shared_keys, handler = std::move(handler)](const HttpRequest& http) {
      shared_keys->Check(http);
      return handler(http);
    });
  };
  const auto answering = [&state, &guarded](HttpResponse (*endpoint)(ServedModel&, const HttpRequest&)) {
    return guarded(
        [&state, endpoint](const HttpRequest& http) { return endpoint(ModelToAnswer(state, http), http); });
  };
  const auto reading = [&state, &guarded](HttpResponse (*endpoint)(ServedModel&, const HttpRequest&)) {
    return guarded([&state, endpoint](const HttpRequest& http) { return endpoint(state.Model(), http); });
  };
  // Responses belong to the key that they were made with.
  const auto owned =
      [&state, shared_keys](HttpResponse (*endpoint)(ServerState&, const std::string&, const HttpRequest&)) {
        return WithRefusals([&state, shared_keys, endpoint](const HttpRequest& http) {
          return endpoint(state, ResponseOwner(shared_keys->Check(http)), http);
        });
      };
  return {
      {"GET", "/health", [&state](const HttpRequest&) { return Health(state); }},
      {"GET", "/metrics", guarded([&state](const HttpRequest&) { return MetricsPage(state); })},
      {"GET", "/model", guarded([&state](const HttpRequest&) { return DescribeModel(state.Model()); })},
      {"GET", "/v1/models", guarded([&state](const HttpRequest&) { return ListModels(state.Model()); })},
      {"GET", std::string(kModelPrefix) + "*", guarded([&state](const HttpRequest& http) {
         return RetrieveModel(state.Model(), std::string_view(http.path).substr(kModelPrefix.size()));
       })},
      {"POST", "/v1/completions", answering(Completions)},
      {"POST", "/v1/chat/completions", answering(ChatCompletions)},
      {"POST", "/v1/embeddings", answering(Embeddings)},
      {"POST", "/v1/responses", owned([](ServerState& s, const std::string& owner, const HttpRequest& http) {
         return CreateResponse(ModelToAnswer(s, http), *s.responses, owner, http);
       })},
      {"GET", std::string(kResponsesPrefix) + "*",
       owned([](ServerState& s, const std::string& owner, const HttpRequest& http) {
         return GetResponse(*s.responses, owner, http);
       })},
      {"DELETE", std::string(kResponsesPrefix) + "*",
       owned([](ServerState& s, const std::string& owner, const HttpRequest& http) {
         return DeleteResponse(*s.responses, owner, http);
       })},
      {"POST", "/v1/messages", answering(Messages)},
      {"POST", "/v1/messages/count_tokens", reading(CountMessageTokens)},
      {"POST", "/tokenize", reading(Tokenize)},
      {"POST", "/detokenize", reading(Detokenize)},
      {"POST", "/apply-template", reading(ApplyTemplate)},
  };
}

void AddRoutes(HttpServer& server, ServerState& state, ApiKeys keys) {
  for (auto& [method, path, handler] : ApiRoutes(state, std::move(keys)))
    server.Route(method, path, std::move(handler));
  ServeFiles(server, EmbeddedWebFiles());
}

}  // namespace puna
