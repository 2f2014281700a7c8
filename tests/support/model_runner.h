#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "engine/base/thread_pool.h"
#include "engine/model/llama.h"
#include "loaders/model_dir.h"

namespace puna {

// A model directory ready to compute, with a pool of blocks that are dealt out in shuffled order.
class ModelRunner {
 public:
  struct Options {
    int threads = 1;
    int max_rows = 64;
    int max_positions = 1024;
    int num_blocks = 128;
    unsigned shuffle = 0;  // seed of the order in which blocks are dealt out
  };
  ModelRunner(const std::filesystem::path& directory, const Options& options);

  using Logits = std::vector<float>;

  // One sequence under way.
  struct Sequence {
    std::vector<int32_t> tokens;
    int computed = 0;
    std::vector<int32_t> blocks;
    std::set<int> wanted;        // positions whose logits are kept
    std::vector<Logits> logits;  // of those, in order

    int remaining() const { return static_cast<int>(tokens.size()) - computed; }
  };
  // Computes the next `rows[i]` tokens of `sequences[i]`, all in one step; 0 leaves one out.
  void Step(const std::vector<Sequence*>& sequences, const std::vector<int>& rows);
  // Takes back the blocks of a finished sequence.
  void Finish(Sequence& sequence);

  // The logits after each wanted position, the tokens fed in chunks of `chunk`.
  std::vector<Logits> LogitsAt(const std::vector<int32_t>& tokens, const std::set<int>& wanted, int chunk);

  const ModelDir& directory() const { return directory_; }
  int max_rows() const { return options_.max_rows; }

 private:
  const Options options_;
  ModelDir directory_;
  ThreadPool pool_;
  Llama model_;
  std::vector<int32_t> free_blocks_;
};

// Greedy answers of all prompts together: in every step each unfinished one gets a row, or up to `chunk` rows
// of its prompt while the budget lasts. An answer ends with one of `stops`, which is kept, or after
// `max_tokens`.
std::vector<std::vector<int32_t>> GreedyTogether(ModelRunner& runner,
                                                 const std::vector<std::vector<int32_t>>& prompts,
                                                 const std::set<int32_t>& stops, size_t max_tokens,
                                                 int chunk);

}  // namespace puna
