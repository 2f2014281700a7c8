#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/model/config.h"
#include "engine/model/weights.h"
#include "engine/tensor/tensor_view.h"
#include "loaders/mapped_file.h"

namespace puna {

// One tensor as the directory holds it, for people to look at.
struct TensorInfo {
  std::string name;
  TensorView view;
  int64_t bytes;
  std::string file;  // name inside the directory
  bool shared =
      false;  // the same as an earlier tensor (tied weights, a vector of a later shard); sums leave it out
};

// What tokenizer.model holds: lines of base64 and rank (Llama 3), or a sentencepiece model (Llama 1 and 2).
enum class TokenizerKind { kTiktoken, kSentencePiece };

// A directory as Meta's download script wrote it: params.json, tokenizer.model, consolidated.00.pth and,
// where the model is split for several GPUs, 01 and so on. Owns the mappings; every view it hands out dies
// with it. Nothing is copied or converted.
struct ModelDir {
  std::filesystem::path path;
  std::string name;  // the directory's own name, what /v1/models calls it
  ModelConfig config;
  Weights weights;
  std::vector<TensorInfo> tensors;   // in the checkpoint's order
  std::vector<std::string> notices;  // one line each: unknown params.json keys, unused tensors
  std::vector<MappedFile> files;     // the checkpoint(s)
  MappedFile tokenizer_file;
  TokenizerKind tokenizer_kind = TokenizerKind::kTiktoken;

  int64_t ParameterCount() const;  // elements of all tensors, shared ones once
  int64_t WeightBytes() const;     // likewise
};

// Throws LoadError: one line naming the file, the field or tensor, what was expected and what was found.
ModelDir OpenModelDir(const std::filesystem::path& path);

}  // namespace puna
