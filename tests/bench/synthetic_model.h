#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "tests/bench/model_shapes.h"

namespace puna::bench {

// Element i of the random tensor `stream` of a seed, the same on every machine: uniform with mean 0 and
// standard deviation `deviation`, rounded to the tensor's type.  out: raw elements first .. first + n of the
// tensor.
void FillRandom(uint64_t seed, uint64_t stream, uint64_t first, float deviation, DType dtype,
                std::span<std::byte> out);

// A tokenizer.model in tiktoken's format with vocab_size - 256 ranks (256 more are special tokens): all
// bytes, then pairs of printable characters, then words of three and four letters, each reachable by merging
// two earlier ones. REQUIRES: 512 <= vocab_size <= 450000.
std::string SyntheticTokenizer(int vocab_size);

// Writes params.json, tokenizer.model and consolidated.00.pth into `directory` (created if absent) without
// holding more than a few MB. `progress` hears the checkpoint's bytes written so far and in total. Throws
// Error.
void WriteSyntheticModel(const std::filesystem::path& directory, const ModelShape& shape, DType dtype,
                         uint64_t seed, const std::function<void(uint64_t done, uint64_t total)>& progress);

}  // namespace puna::bench
