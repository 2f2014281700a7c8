#pragma once

#include <cstdint>

namespace puna {

// What the memory for keys and values is planned from. Bytes unless said.
struct MemoryFacts {
  int model_context = 0;          // positions the model was trained for
  int kv_block_tokens = 0;        // positions in one block
  uint64_t kv_block_bytes = 0;    // of one block
  uint64_t available = 0;         // what can be allocated; 0: unknown
  uint64_t weights = 0;           // mapped weights: page cache that should stay
  int wanted_context = 0;         // positions; 0: choose
  uint64_t wanted_kv_memory = 0;  // 0: choose
};

struct MemoryPlan {
  int context = 0;        // positions one request may use, prompt and answer together
  int num_kv_blocks = 0;  // at least one request of `context` fits

  // How many requests of full context fit at once.
  int Conversations(int kv_block_tokens) const;
};

// Context: as wanted, else the model's, at most kDefaultContext and what the pool holds.
//
// Pool: as wanted, else half of the memory that is available beside the weights, but not more than
// kDefaultSequences requests of full context use. If even one does not fit into that half, a wanted context
// may use 90 % of it; one that was not wanted shrinks to what the half holds.
//
// Throws Error with the numbers if the wanted context is more than the model's or does not fit, or if fewer
// than kMinContext positions fit.
MemoryPlan PlanMemory(const MemoryFacts& facts);

inline constexpr int kDefaultContext = 8192;
inline constexpr int kDefaultSequences = 8;
inline constexpr int kMinContext = 256;

}  // namespace puna
