#include "loaders/params_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "engine/base/error.h"
#include "loaders/load_error.h"

namespace puna {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxBytes = 1u << 20;  // Meta's files have some 200 bytes
constexpr int kMaxNesting = 16;
constexpr int kMaxSize = 1 << 24;  // of any one dimension: products of two still fit 64 bits with room

// What a file means that does not mention the base of its rotary embedding.
constexpr float kLlama2Theta = 10000.0f;
constexpr float kLlama3Theta = 500000.0f;
constexpr double kCodeLlamaTheta = 1e6;

constexpr int kLlama2Context = 4096;
constexpr int kCodeLlamaContext = 16384;
constexpr int kLlama3Context = 8192;
constexpr int kLlama31Context = 131072;

// Fields of the reference program's run, not of the model.
constexpr std::array<std::string_view, 2> kIgnoredKeys{"max_batch_size", "max_seq_len"};
constexpr std::array<std::string_view, 11> kKnownKeys{"dim",
                                                      "n_layers",
                                                      "n_heads",
                                                      "n_kv_heads",
                                                      "vocab_size",
                                                      "multiple_of",
                                                      "ffn_dim_multiplier",
                                                      "norm_eps",
                                                      "rope_theta",
                                                      "use_scaled_rope",
                                                      "rope_scaling_factor"};
constexpr std::array<std::string_view, 4> kVisionKeys{"vision_chunk_size", "vision_max_num_chunks",
                                                      "vision_num_cross_attention_layers", "vision_model"};

template <size_t N>
bool Contains(const std::array<std::string_view, N>& keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::string Found(const Json& value) {
  return Printable(value.dump(-1, ' ', true, Json::error_handler_t::replace), 60);
}

// Parses with bounds; the two ways JSON allows one text to mean two things (repeated keys, deep nesting) are
// refused.
Json Parse(std::string_view text) {
  if (text.size() > kMaxBytes) {
    throw FormatError(fmt::format("{} bytes, at most {} are read", text.size(), kMaxBytes));
  }
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > kMaxNesting) throw FormatError(fmt::format("more than {} levels of nesting", kMaxNesting));
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      throw FormatError(fmt::format("key '{}' occurs twice", Printable(value.get<std::string>())));
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::exception& error) {
    throw FormatError(fmt::format("is not valid JSON: {}", Printable(error.what())));
  }
}

// The object out of its Json: the destructor of a Json allocates for what is in it and ends the program if
// that fails; an emptied Json and a map of scalars do not.
Json::object_t TakeObject(Json document) {
  if (!document.is_object()) throw FormatError(fmt::format("expected an object, found {}", Found(document)));
  return std::move(document.get_ref<Json::object_t&>());
}

// Typed access to one object; every failure names the key.
class Fields {
 public:
  explicit Fields(const Json::object_t& object) : object_(object) {}

  // Null counts as absent: Meta's own classes write None that way.
  const Json* Find(std::string_view key) const {
    const auto at = object_.find(key);
    return at == object_.end() || at->second.is_null() ? nullptr : &at->second;
  }

  std::optional<int> Integer(std::string_view key, int64_t lowest, int64_t highest) const {
    const Json* value = Find(key);
    if (value == nullptr) return std::nullopt;
    const bool fits =
        value->is_number_integer() &&
        !(value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX));
    const int64_t number = fits ? value->get<int64_t>() : 0;
    if (!fits || number < lowest || number > highest) {
      throw FormatError(fmt::format("'{}': expected a whole number from {} to {}, found {}", key, lowest,
                                    highest, Found(*value)));
    }
    return static_cast<int>(number);
  }

  int RequiredInteger(std::string_view key, int64_t lowest, int64_t highest) const {
    const std::optional<int> value = Integer(key, lowest, highest);
    if (!value) throw FormatError(fmt::format("'{}' is missing, expected a whole number", key));
    return *value;
  }

  std::optional<double> Real(std::string_view key, double lowest, double highest) const {
    const Json* value = Find(key);
    if (value == nullptr) return std::nullopt;
    const double number = value->is_number() ? value->get<double>() : NAN;
    if (!(number >= lowest && number <= highest)) {
      throw FormatError(fmt::format("'{}': expected a number from {} to {}, found {}", key, lowest, highest,
                                    Found(*value)));
    }
    return number;
  }

  bool Flag(std::string_view key) const {
    const Json* value = Find(key);
    if (value == nullptr) return false;
    if (!value->is_boolean()) {
      throw FormatError(fmt::format("'{}': expected true or false, found {}", key, Found(*value)));
    }
    return value->get<bool>();
  }

 private:
  const Json::object_t& object_;
};

void RefuseOtherModels(const Json::object_t& params, const Fields& fields) {
  if (params.contains("hidden_size") || params.contains("num_hidden_layers")) {
    throw FormatError(
        "holds Hugging Face's keys (hidden_size, ...); expected Meta's params.json (dim, n_layers, ...)");
  }
  const Json* chunk = fields.Find("vision_chunk_size");
  if (fields.Find("vision_model") != nullptr ||
      (chunk != nullptr && chunk->is_number() && chunk->get<double>() > 0)) {
    throw FormatError(
        "describes a model with image input ('vision_chunk_size'); only text models are supported");
  }
  if (const Json* quantization = fields.Find("quantization_args");
      quantization != nullptr && !quantization->empty()) {
    throw FormatError(
        "'quantization_args': quantized checkpoints are not supported, expected bf16, f16 or f32 weights");
  }
  if (const Json* lora = fields.Find("lora_args"); lora != nullptr && !lora->empty()) {
    throw FormatError("'lora_args': LoRA adapters are not supported, expected merged weights");
  }
  if (fields.Find("moe_args") != nullptr) {
    throw FormatError("'moe_args': mixture-of-experts models (Llama 4) are not supported");
  }
}

// Llama 3.2's 1B and 3B were trained with a factor of 32, the others since 3.1 with 8, and params.json does
// not say: meta-llama/llama-models issue 241. Their shapes are the only mark they have.
bool IsSmallLlama32(const ModelConfig& config) {
  const bool is_1b = config.dim == 2048 && config.n_layers == 16 && config.n_heads == 32;
  const bool is_3b = config.dim == 3072 && config.n_layers == 28 && config.n_heads == 24;
  return config.vocab_size == 128256 && config.n_kv_heads == 8 && (is_1b || is_3b);
}

// Positions a model without scaled rope was trained for, which no file says.
int TrainedContext(LlamaGeneration generation, double theta) {
  if (generation == LlamaGeneration::kThree) return kLlama3Context;
  return theta >= kCodeLlamaTheta ? kCodeLlamaContext : kLlama2Context;
}

void ReadRope(const Fields& fields, LlamaGeneration generation, ModelParams& params) {
  ModelConfig& config = params.config;
  const bool three = generation == LlamaGeneration::kThree;
  const std::optional<double> theta = fields.Real("rope_theta", 1.0, 1e12);
  config.rope_theta = theta ? static_cast<float>(*theta) : three ? kLlama3Theta : kLlama2Theta;
  config.max_context = TrainedContext(generation, static_cast<double>(config.rope_theta));
  if (!theta) {
    params.notices.push_back(fmt::format("'rope_theta' is absent: {} and a context of {} are used, as in {}",
                                         config.rope_theta, config.max_context,
                                         three ? "Llama 3" : "Llama 2"));
  }
  const std::optional<double> factor = fields.Real("rope_scaling_factor", 1.0, 1e6);
  if (!fields.Flag("use_scaled_rope")) {
    if (factor) params.notices.push_back("'rope_scaling_factor' has no effect without use_scaled_rope");
    return;
  }
  config.rope_scaling = RopeScaling{};
  config.max_context = kLlama31Context;
  if (factor) {
    config.rope_scaling->factor = static_cast<float>(*factor);
  } else if (IsSmallLlama32(config)) {
    config.rope_scaling->factor = 32.0f;
    params.notices.push_back("the shape is Llama 3.2's 1B or 3B: rope is scaled by 32, as they were trained");
  }
}

void ReportOtherKeys(const Json::object_t& params, std::vector<std::string>& notices) {
  for (const auto& [key, value] : params) {
    if (Contains(kKnownKeys, key) || Contains(kVisionKeys, key)) continue;
    if (key == "quantization_args" || key == "lora_args" || key == "moe_args") continue;
    if (Contains(kIgnoredKeys, key)) {
      notices.push_back(fmt::format("'{}' is a setting of Meta's program and is ignored", key));
    } else {
      notices.push_back(fmt::format("unknown key '{}' is ignored", Printable(key)));
    }
  }
}

}  // namespace

int FeedForwardSize(int dim, double multiplier, int multiple_of) {
  // Python's int() of a float quotient, step by step as Meta computes it.
  double size = std::trunc(2.0 * (4.0 * dim) / 3.0);
  if (multiplier > 0.0) size = std::trunc(multiplier * size);
  size = std::ceil(size / multiple_of) * multiple_of;
  return size >= 1.0 && size <= kMaxSize ? static_cast<int>(size) : 0;
}

ModelParams ReadParamsJson(std::string_view json, LlamaGeneration generation) {
  // Some releases wrap the fields in {"model": {...}}.
  Json::object_t document = TakeObject(Parse(json));
  if (const auto model = document.find("model");
      !document.contains("dim") && model != document.end() && model->second.is_object()) {
    Json::object_t inner = TakeObject(std::move(model->second));
    document = std::move(inner);
  }
  const Fields fields(document);
  RefuseOtherModels(document, fields);

  ModelParams params;
  ModelConfig& config = params.config;
  config.dim = fields.RequiredInteger("dim", 1, 1 << 17);
  config.n_layers = fields.RequiredInteger("n_layers", 1, 4096);
  config.n_heads = fields.RequiredInteger("n_heads", 1, 4096);
  config.n_kv_heads = fields.Integer("n_kv_heads", 1, 4096).value_or(config.n_heads);
  config.vocab_size = std::max(0, fields.Integer("vocab_size", -1, kMaxSize).value_or(-1));
  if (config.dim % config.n_heads != 0) {
    throw FormatError(fmt::format("'n_heads' {} does not divide 'dim' {}", config.n_heads, config.dim));
  }
  if (config.n_heads % config.n_kv_heads != 0) {
    throw FormatError(
        fmt::format("'n_kv_heads' {} does not divide 'n_heads' {}", config.n_kv_heads, config.n_heads));
  }
  config.head_dim = config.dim / config.n_heads;
  if (config.head_dim % 2 != 0) {
    throw FormatError(
        fmt::format("'dim' / 'n_heads' is {}, expected an even number: rope turns pairs", config.head_dim));
  }
  const int multiple_of = fields.Integer("multiple_of", 1, 1 << 20).value_or(256);
  const double multiplier = fields.Real("ffn_dim_multiplier", 1e-3, 1e3).value_or(0.0);
  config.hidden_dim = FeedForwardSize(config.dim, multiplier, multiple_of);
  if (config.hidden_dim == 0) {
    throw FormatError(fmt::format("'ffn_dim_multiplier' {} and 'multiple_of' {} give no usable hidden size",
                                  multiplier, multiple_of));
  }
  config.norm_eps = static_cast<float>(fields.Real("norm_eps", 1e-12, 0.1).value_or(1e-5));
  ReadRope(fields, generation, params);
  ReportOtherKeys(document, params.notices);
  return params;
}

}  // namespace puna
