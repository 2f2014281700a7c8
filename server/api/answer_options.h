#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/sampling/sampling_params.h"
#include "server/api/json_body.h"
#include "server/api/output_rules.h"

namespace puna {

// What the requests of both endpoints say about how to answer, checked.
struct AnswerOptions {
  std::string model;
  std::vector<std::string> stop;  // at most 4, none empty
  SamplingParams sampling;        // without the choice
  int n = 1;                      // choices per prompt
  bool stream = false;
  bool include_usage = false;        // a chunk with the usage at the end of a stream
  bool logprobs = false;             // sent with the answer; sampling.top_logprobs says how many
  bool token_ids = false;            // an extension: sent with the answer
  bool ignore_eos = false;           // an extension: the model's end of an answer does not end it
  std::optional<OutputRules> rules;  // what the answer must look like
};

// Reads the fields both endpoints share and marks as read those that cannot change the answer. Throws
// RequestError 400 for wrong types and ranges, and for fields that would change the answer and are not
// supported. Token ids in them must be in [0, vocab_size).
AnswerOptions ReadAnswerOptions(JsonReader& body, int vocab_size);

// A count of tokens, or nothing if the field is absent.
std::optional<int> ReadTokenLimit(JsonReader& body, std::string_view name, int min);

}  // namespace puna
