#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/scheduler/prefix_cache.h"

namespace puna {

// One request as the scheduler sees it. Ids grow in order of arrival, so the oldest is the lowest.
using SequenceId = int64_t;

struct Sequence {
  std::vector<int32_t> tokens;  // prompt, then what was generated
  int prompt_tokens = 0;

  // While running:
  int computed = 0;                                  // positions whose keys and values are stored
  std::vector<int32_t> blocks;                       // KV blocks in position order
  int recorded_blocks = 0;                           // leading full blocks the prefix cache knows
  PrefixCache::Prefix prefix = PrefixCache::kEmpty;  // the prefix those blocks end

  int cached_tokens = 0;  // found in the prefix cache when it first ran
  bool has_run = false;

  int Remaining() const {
    return static_cast<int>(tokens.size()) - computed;
  }  // rows until the next token can be chosen
  bool IsDecoding() const { return computed >= prompt_tokens && Remaining() == 1; }
};

}  // namespace puna
