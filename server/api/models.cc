#include "server/api/models.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "server/api_error.h"

namespace puna {
namespace {

// OpenAI's four members, and beyond them what clients of local servers look for: the length of a
// conversation under the two names it goes by, and llama-server's "meta".
nlohmann::ordered_json ModelJson(const ServedModel& model) {
  return {{"id", model.id},
          {"object", "model"},
          {"created", model.created},
          {"owned_by", "puna"},
          {"context_length", model.max_context},
          {"max_model_len", model.max_context},
          {"meta",
           {{"n_vocab", model.tokenizer.vocab_size()},
            {"n_ctx", model.max_context},
            {"n_ctx_train", model.details.trained_context},
            {"n_embd", model.details.embedding_length},
            {"n_params", model.details.parameters},
            {"size", model.details.bytes}}}};
}

}  // namespace

HttpResponse ListModels(const ServedModel& model) {
  const nlohmann::ordered_json list = {{"object", "list"},
                                       {"data", nlohmann::ordered_json::array({ModelJson(model)})}};
  HttpResponse response;
  response.body = list.dump();
  return response;
}

HttpResponse RetrieveModel(const ServedModel& model, std::string_view id) {
  CheckModelName(model, id);
  HttpResponse response;
  response.body = ModelJson(model).dump();
  return response;
}

void CheckModelName(const ServedModel& model, std::string_view name) {
  if (name == model.id) return;
  throw RequestError(
      404,
      fmt::format("The model '{}' does not exist. This server has '{}'.", Printable(name, 100), model.id),
      "model", "model_not_found");
}

}  // namespace puna
