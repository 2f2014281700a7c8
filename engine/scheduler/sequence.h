#pragma once

#include <cstdint>
#include <vector>

#include "engine/scheduler/prefix_cache.h"

namespace puna {

// Given by the caller of Scheduler::Add; never used twice.
using SequenceId = int64_t;

// One request as the scheduler sees it. Plain; only the scheduler writes it.
//
// Invariants between steps, with B = tokens per block:
//   1. 0 <= computed < tokens.size(): positions [0, computed) have their keys and values, and at least the
//   last
//      token is to be computed, since its logits choose the next.
//   2. blocks.size() == ceil(computed / B); waiting sequences have computed == 0.
//   3. links[i] is the prefix cache's link of the full block i, for all i < computed / B (none without a
//   cache).
//   4. Blocks at and after computed / B are this sequence's alone; only they are written.
struct Sequence {
  SequenceId id = 0;
  std::vector<int32_t> tokens;  // the prompt, then what was generated
  int computed = 0;             // positions
  int wants_logits_from = 0;    // rows at this position and after it want logits; those before it are done
  bool wants_hidden = false;    // instead of logits those rows want hidden states
  std::vector<int32_t> blocks;
  std::vector<PrefixCache::Link> links;

  int ever_computed = 0;  // the most `computed` has been; less than that is computed again after a preemption
  int cached_tokens = 0;  // of the prompt: found in the cache when they were first needed

  // Of its full blocks.
  PrefixCache::Link prefix() const { return links.empty() ? PrefixCache::kRoot : links.back(); }

  int uncomputed() const { return static_cast<int>(tokens.size()) - computed; }
};

}  // namespace puna
