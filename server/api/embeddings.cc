#include "server/api/embeddings.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "server/api/answer_requests.h"
#include "server/api/completion_request.h"
#include "server/api/context_length.h"
#include "server/api/models.h"
#include "server/api/token_json.h"
#include "server/base64.h"
#include "server/generation.h"

namespace puna {
namespace {

constexpr size_t kMaxInputs = 2048;  // as OpenAI's

struct EmbeddingRequest {
  std::string model;
  std::vector<Prompt> inputs;
  bool base64 = false;
};

EmbeddingRequest ParseEmbeddingRequest(const ServedModel& model, JsonReader& body) {
  EmbeddingRequest request;
  request.model = body.RequireString("model");
  const Json& input = body.Require("input");
  request.inputs = ReadPrompts("input", input, model.tokenizer.vocab_size());
  if (request.inputs.size() > kMaxInputs)
    RefuseValue("input", fmt::format("at most {} inputs, but got {}.", kMaxInputs, request.inputs.size()));
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    const auto* text = std::get_if<std::string>(&request.inputs[i]);
    if (text != nullptr && text->empty())
      RefuseValue(input.is_string() ? "input" : fmt::format("input[{}]", i), "a text must not be empty.");
  }
  request.base64 = body.Enum("encoding_format", {"float", "base64"}).value_or("float") == "base64";
  const int dim = model.details.embedding_length;
  if (const auto dimensions = body.Integer("dimensions", 1, INT32_MAX); dimensions && *dimensions != dim)
    RefuseUnsupported("dimensions", fmt::format("this model's embeddings have {}", dim));
  body.String("user");
  return request;
}

AnswerRequest ToAnswerRequest(const ServedModel& model, const Prompt& input) {
  AnswerRequest request;
  request.engine.prompt = PromptTokens(model.tokenizer, input);
  request.engine.max_tokens = 0;
  // Where the text begins, behind the BOS.
  request.engine.embed_from = std::holds_alternative<std::string>(input) ? 1 : 0;
  AnswerTokens(model.max_context, request.engine.prompt.size(), 0, 0, "input");
  return request;
}

// Scaled to length 1.
std::vector<float> Normalized(const std::vector<float>& vector) {
  double sum = 0;
  for (const float x : vector) sum += static_cast<double>(x) * static_cast<double>(x);
  const double scale = sum > 0 ? 1 / std::sqrt(sum) : 0;
  std::vector<float> scaled;
  scaled.reserve(vector.size());
  for (const float x : vector) scaled.push_back(static_cast<float>(static_cast<double>(x) * scale));
  return scaled;
}

// In order of the inputs. If the client goes away meanwhile, nobody sees them.
std::vector<std::vector<float>> Collect(const HttpRequest& http, Answers& answers) {
  std::vector<std::vector<float>> vectors(answers.size());
  while (auto event = answers.Next([&http] { return http.client_gone && http.client_gone(); })) {
    if (!event->embedding.empty()) vectors[static_cast<size_t>(event->index)] = Normalized(event->embedding);
  }
  return vectors;
}

OrderedJson VectorJson(const std::vector<float>& vector, bool base64) {
  // 32-bit floats, little-endian, as all machines this runs on have them.
  if (base64) return Base64(std::as_bytes(std::span(vector)));
  return vector;
}

}  // namespace

HttpResponse Embeddings(ServedModel& model, const HttpRequest& http) {
  const Json json = ParseJsonBody(http.body);
  JsonReader body(json);
  const EmbeddingRequest request = ParseEmbeddingRequest(model, body);
  CheckModelName(model, request.model);
  model.unknown_fields.Report(body.Unread());
  std::vector<AnswerRequest> requests;
  for (const Prompt& input : request.inputs) requests.push_back(ToAnswerRequest(model, input));
  Answers answers(model.engine, model.tokenizer, std::move(requests), TermsOf(model, http));
  OrderedJson data = OrderedJson::array();
  for (const std::vector<float>& vector : Collect(http, answers)) {
    data.push_back(
        {{"object", "embedding"}, {"index", data.size()}, {"embedding", VectorJson(vector, request.base64)}});
  }
  const int64_t tokens = answers.usage().prompt_tokens;
  HttpResponse response;
  response.body = OrderedJson{{"object", "list"},
                              {"data", std::move(data)},
                              {"model", model.id},
                              {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}}
                      .dump();
  return response;
}

}  // namespace puna
