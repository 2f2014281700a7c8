#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/model/config.h"

namespace puna {

// params.json as Meta writes it beside every checkpoint.
struct ModelParams {
  // vocab_size is 0 where the file leaves it to the tokenizer (Llama 2 writes -1); hidden_dim follows Meta's
  // formula.
  ModelConfig config;
  std::vector<std::string>
      notices;  // one line each: keys that mean nothing to this program, values filled in
};

// What a missing key means depends on whose file it is, and the tokenizer beside it tells: Llama 3's is a
// tiktoken file, that of the models before it (Code Llama among them) a sentencepiece model.
enum class LlamaGeneration { kOneOrTwo, kThree };

// Reads and checks every field. Throws FormatError naming the key, what was expected and what was found; also
// for models this program cannot run (image input, quantized weights, LoRA adapters). Keys: those of
// ModelArgs in meta-llama/llama-models, models/llama3/args.py.
ModelParams ReadParamsJson(std::string_view json, LlamaGeneration generation = LlamaGeneration::kThree);

// The inner size of SwiGLU (Meta's FeedForward): 2/3 of 4 * dim, times the multiplier, up to a multiple.
// multiplier <= 0 means none. Returns 0 if the result is outside 1 .. 2^24.
int FeedForwardSize(int dim, double multiplier, int multiple_of);

}  // namespace puna
