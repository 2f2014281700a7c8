#include "server/api/answer_options.h"

#include <fmt/format.h>

#include <limits>

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

// Greedy is what these models answer with, and what a request without a temperature gets. Fields that only
// shape a random choice have no effect on it.
SamplingParams ReadSampling(JsonReader& body) {
  if (body.Number("temperature", 0, 2).value_or(0) != 0)
    RefuseUnsupported("temperature", "answers are greedy: leave it out or set it to 0");
  body.Number("top_p", 0, 1);
  body.Integer("seed", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
  for (const char* penalty : {"frequency_penalty", "presence_penalty"})
    if (body.Number(penalty, -2, 2).value_or(0) != 0)
      RefuseUnsupported(penalty, "leave it out or set it to 0");
  if (const Json* bias = body.Find("logit_bias"); bias != nullptr) {
    if (!bias->is_object()) RefuseType("logit_bias", "an object", *bias);
    if (!bias->empty()) RefuseUnsupported("logit_bias");
  }
  return {};
}

void ReadStreaming(JsonReader& body, AnswerOptions& options) {
  options.stream = body.Bool("stream").value_or(false);
  const Json* stream_options = body.Find("stream_options");
  if (stream_options == nullptr) return;
  if (!stream_options->is_object()) RefuseType("stream_options", "an object", *stream_options);
  if (!options.stream) RefuseValue("stream_options", "it is only allowed when 'stream' is true.");
  JsonReader reader(*stream_options, "stream_options");
  options.include_usage = reader.Bool("include_usage").value_or(false);
}

}  // namespace

AnswerOptions ReadAnswerOptions(JsonReader& body) {
  AnswerOptions options;
  if (!body.Require("model").is_string()) RefuseType("model", "a string", body.Require("model"));
  options.model = body.Require("model").get<std::string>();
  options.stop = ReadStops(body);
  options.sampling = ReadSampling(body);
  ReadStreaming(body, options);
  if (body.Integer("n", 1, 128).value_or(1) != 1) RefuseUnsupported("n", "send one request per choice");
  body.String("user");
  return options;
}

std::optional<int> ReadTokenLimit(JsonReader& body, std::string_view name, int min) {
  const auto limit = body.Integer(name, min, std::numeric_limits<int>::max());
  return limit ? std::optional<int>(static_cast<int>(*limit)) : std::nullopt;
}

}  // namespace puna
