#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace puna {

// How the next token is chosen from the logits; sampler.h has the order in which these apply. Plain; ranges
// are checked at the API's door. The defaults are greedy and change nothing.
struct SamplingParams {
  // 0: greedy, the largest logit, of equals the lowest id. Above: logits are divided by it. >= 0.
  float temperature = 0.0f;

  int top_k = 0;       // only the k most probable tokens; 0: all
  float top_p = 1.0f;  // only the smallest set of most probable tokens that holds this much; (0, 1]
  float min_p = 0.0f;  // only tokens at least this probable, relative to the most probable; [0, 1]

  // Against repetition. presence and frequency count the answer's tokens, as OpenAI's do; repetition the
  // prompt's too.
  float presence_penalty = 0.0f;    // subtracted once from a token that occurred
  float frequency_penalty = 0.0f;   // subtracted for each time it occurred
  float repetition_penalty = 1.0f;  // divides a positive logit, multiplies a negative one; > 0

  std::vector<std::pair<int32_t, float>> logit_bias;  // added to the token's logit; ids below vocab_size

  // The same seed, choice and prompt give the same answer at any load. Nothing: the engine draws one.
  std::optional<uint64_t> seed;
  uint32_t choice = 0;  // of a request's n answers: each has its own independent stream of random numbers

  // -1: none. Else every token comes with its log-probability and those of this many most probable tokens.
  int top_logprobs = -1;
};

}  // namespace puna
