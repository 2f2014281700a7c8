#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/tensor/dtype.h"

namespace puna::test {

// A model directory as Meta writes them, with few and small numbers in it: the same weights for the same
// seed, exact in every type, however they are stored.
struct TinyModel {
  int dim = 48;
  int n_layers = 2;
  int n_heads = 2;  // head_dim 24
  int n_kv_heads = 1;
  int multiple_of = 8;
  double ffn_dim_multiplier = 1.1;
  DType dtype = DType::kBF16;
  bool tied = false;
  bool sentencepiece =
      false;  // as Llama 2: its tokenizer, vocab_size -1, no rope_theta, rope.freqs in the file
  std::string more_params{};  // members for params.json, each with a comma in front
  int shards = 1;
  bool embeddings_by_columns = false;  // how shards split them: Llama 1 and 2 do, Llama 3 by rows
  bool untrained_headers = false;      // zero embeddings for <|start_header_id|> and <|end_header_id|>
  uint64_t seed = 1;

  int hidden_dim() const;
  int vocab_size() const;
};

std::string ParamsJsonOf(const TinyModel& model);
std::string TokenizerOf(const TinyModel& model);

// Creates `directory` with params.json, tokenizer.model and consolidated.NN.pth.
void WriteTinyModel(const std::filesystem::path& directory, const TinyModel& model);

}  // namespace puna::test
