#include "server/api/model_structure.h"

#include <nlohmann/json.hpp>

#include "server/api/served_model.h"

namespace puna {
namespace {

using Json = nlohmann::ordered_json;

Json ConfigJson(const ModelConfig& config) {
  Json json = {{"dim", config.dim},
               {"n_layers", config.n_layers},
               {"n_heads", config.n_heads},
               {"n_kv_heads", config.n_kv_heads},
               {"head_dim", config.head_dim},
               {"hidden_dim", config.hidden_dim},
               {"vocab_size", config.vocab_size},
               {"max_context", config.max_context},
               {"norm_eps", config.norm_eps},
               {"rope_theta", config.rope_theta},
               {"rope_scaling", nullptr}};
  if (const auto& scaling = config.rope_scaling) {
    json["rope_scaling"] = {{"factor", scaling->factor},
                            {"low_freq_factor", scaling->low_freq_factor},
                            {"high_freq_factor", scaling->high_freq_factor},
                            {"original_context", scaling->original_context}};
  }
  return json;
}

Json TensorJson(const ModelStructure::Tensor& tensor) {
  return {{"name", Printable(tensor.name)}, {"type", tensor.type},   {"shape", tensor.shape},
          {"parameters", tensor.elements},  {"bytes", tensor.bytes}, {"shared", tensor.shared}};
}

}  // namespace

HttpResponse DescribeModel(const ServedModel& model) {
  const ModelStructure& structure = model.structure;
  Json tensors = Json::array();
  for (const ModelStructure::Tensor& tensor : structure.tensors) tensors.push_back(TensorJson(tensor));
  const Json json = {
      {"id", model.id},
      {"parameters", model.details.parameters},
      {"bytes", model.details.bytes},
      {"context_length", model.max_context},
      {"config", ConfigJson(structure.config)},
      {"tensors", std::move(tensors)},
      {"kv_cache",
       {{"type", "f32"}, {"bytes_per_token", structure.kv_bytes_per_token}, {"tokens", structure.kv_tokens}}},
      {"threads", structure.threads},
      {"instruction_set", structure.instruction_set}};
  HttpResponse response;
  response.body = json.dump();
  return response;
}

}  // namespace puna
