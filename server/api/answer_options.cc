#include "server/api/answer_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace puna {
namespace {

constexpr size_t kMaxStops = 4;

std::string ReadStop(const std::string& path, const Json& value) {
  if (!value.is_string()) RefuseType(path, "a string", value);
  auto stop = value.get<std::string>();
  if (stop.empty()) RefuseValue(path, "a stop string must not be empty.");
  return stop;
}

std::vector<std::string> ReadStops(JsonReader& body) {
  const Json* stop = body.Find("stop");
  if (stop == nullptr) return {};
  if (stop->is_string()) return {ReadStop("stop", *stop)};
  if (!stop->is_array()) RefuseType("stop", "a string or an array of strings", *stop);
  if (stop->size() > kMaxStops) {
    throw RequestError(
        400,
        fmt::format("Invalid 'stop': array too long. Expected an array with maximum length {}, but "
                    "got an array with length {} instead.",
                    kMaxStops, stop->size()),
        "stop", "array_above_max_length");
  }
  std::vector<std::string> stops;
  for (size_t i = 0; i < stop->size(); ++i) stops.push_back(ReadStop(fmt::format("stop[{}]", i), (*stop)[i]));
  return stops;
}

// OpenAI's object form: token ids as keys, what is added to their logits as values.
std::vector<std::pair<int32_t, float>> ReadLogitBias(JsonReader& body, int vocab_size) {
  const Json* bias = body.Find("logit_bias");
  if (bias == nullptr) return {};
  if (!bias->is_object()) RefuseType("logit_bias", "an object", *bias);
  JsonReader reader(*bias, "logit_bias");
  std::vector<std::pair<int32_t, float>> read;
  for (const auto& [key, value] : bias->items()) {
    int32_t token = -1;
    const char* end = key.data() + key.size();
    const auto [stop, error] = std::from_chars(key.data(), end, token);
    if (error != std::errc() || stop != end || token < 0 || token >= vocab_size) {
      RefuseValue("logit_bias", fmt::format("keys are token ids between 0 and {}, but got '{}'.",
                                            vocab_size - 1, Printable(key, 40)));
    }
    if (const auto added = reader.Number(key, -100, 100))
      read.emplace_back(token, static_cast<float>(*added));
  }
  return read;
}

// Without a temperature answers are greedy, unlike OpenAI's: these models are asked for facts more often than
// for variety, and the same question then has the same answer.
SamplingParams ReadSampling(JsonReader& body, int vocab_size) {
  const auto number = [&body](const char* name, double min, double max, float by_default) {
    const auto read = body.Number(name, min, max);
    return read ? static_cast<float>(*read) : by_default;
  };
  SamplingParams sampling;
  sampling.temperature = number("temperature", 0, 2, sampling.temperature);
  // 0 is the least that holds anything: the most probable token alone.
  sampling.top_p = std::max(number("top_p", 0, 1, sampling.top_p), std::numeric_limits<float>::min());
  sampling.top_k =
      static_cast<int>(body.Integer("top_k", 0, std::numeric_limits<int>::max()).value_or(sampling.top_k));
  sampling.min_p = number("min_p", 0, 1, sampling.min_p);
  sampling.presence_penalty = number("presence_penalty", -2, 2, sampling.presence_penalty);
  sampling.frequency_penalty = number("frequency_penalty", -2, 2, sampling.frequency_penalty);
  sampling.repetition_penalty = number("repeat_penalty", 0.01, 100, sampling.repetition_penalty);
  sampling.logit_bias = ReadLogitBias(body, vocab_size);
  const auto seed =
      body.Integer("seed", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  if (seed) sampling.seed = static_cast<uint64_t>(*seed);
  return sampling;
}

void ReadStreaming(JsonReader& body, AnswerOptions& options) {
  options.stream = body.Bool("stream").value_or(false);
  const Json* stream_options = body.Find("stream_options");
  if (stream_options == nullptr) return;
  if (!stream_options->is_object()) RefuseType("stream_options", "an object", *stream_options);
  if (!options.stream) RefuseValue("stream_options", "it is only allowed when 'stream' is true.");
  JsonReader reader(*stream_options, "stream_options");
  options.include_usage = reader.Bool("include_usage").value_or(false);
  // Padding against readers of encrypted traffic; there is none to read here.
  reader.Bool("include_obfuscation");
}

}  // namespace

AnswerOptions ReadAnswerOptions(JsonReader& body, int vocab_size) {
  AnswerOptions options;
  options.model = body.RequireString("model");
  options.stop = ReadStops(body);
  options.sampling = ReadSampling(body, vocab_size);
  ReadStreaming(body, options);
  options.n = static_cast<int>(body.Integer("n", 1, 128).value_or(1));
  options.token_ids = body.Bool("return_token_ids").value_or(false);
  options.ignore_eos = body.Bool("ignore_eos").value_or(false);
  body.String("user");
  return options;
}

std::optional<int> ReadTokenLimit(JsonReader& body, std::string_view name, int min) {
  const auto limit = body.Integer(name, min, std::numeric_limits<int>::max());
  return limit ? std::optional<int>(static_cast<int>(*limit)) : std::nullopt;
}

}  // namespace puna
