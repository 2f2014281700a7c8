#include "server/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "server/numbers.h"

namespace puna {
namespace {

uint64_t KvBytes(const MemoryFacts& facts, int context) {
  const auto tokens = static_cast<uint64_t>(facts.kv_block_tokens);
  return (static_cast<uint64_t>(context) + tokens - 1) / tokens * facts.kv_block_bytes;
}

// Positions that fit, whole blocks.
int ContextIn(const MemoryFacts& facts, uint64_t bytes) {
  const uint64_t positions = bytes / facts.kv_block_bytes * static_cast<uint64_t>(facts.kv_block_tokens);
  return static_cast<int>(std::min<uint64_t>(positions, std::numeric_limits<int>::max()));
}

[[noreturn]] void RefuseContext(int context, uint64_t needed, uint64_t room, const char* which) {
  throw Error(
      fmt::format("a context of {} positions needs {} of KV memory, but {} is {}: lower --ctx or raise "
                  "--kv-memory",
                  context, FormatBytes(needed), which, FormatBytes(room)));
}

}  // namespace

int MemoryPlan::Conversations(int kv_block_tokens) const {
  return num_kv_blocks / ((context + kv_block_tokens - 1) / kv_block_tokens);
}

MemoryPlan PlanMemory(const MemoryFacts& facts) {
  CHECK(facts.kv_block_bytes > 0 && facts.kv_block_tokens > 0 && facts.model_context > 0);
  if (facts.wanted_context > facts.model_context) {
    throw Error(fmt::format("--ctx {} is more than the {} positions this model was trained for",
                            facts.wanted_context, facts.model_context));
  }
  MemoryPlan plan;
  const bool wanted = facts.wanted_context > 0;
  plan.context = wanted ? facts.wanted_context : std::min(facts.model_context, kDefaultContext);
  const uint64_t one = KvBytes(facts, plan.context);
  const uint64_t most = one * kDefaultSequences;

  uint64_t pool = facts.wanted_kv_memory;
  const char* which = "--kv-memory";
  if (pool == 0 && facts.available == 0) {
    pool = most;
  } else if (pool == 0) {
    which = "the memory it may use";
    const uint64_t beside = facts.available - std::min(facts.available, facts.weights);
    pool = std::min(most, beside / 2);
    if (wanted && pool < one) pool = std::min(one, beside / 10 * 9);
  }
  if (pool < one) {
    if (wanted) RefuseContext(plan.context, one, pool, which);
    plan.context = ContextIn(facts, pool);
    const int least = std::min(kMinContext, facts.model_context);
    if (plan.context < least) RefuseContext(least, KvBytes(facts, least), pool, which);
  }
  const uint64_t blocks = pool / facts.kv_block_bytes;
  plan.num_kv_blocks = static_cast<int>(std::min<uint64_t>(blocks, std::numeric_limits<int>::max()));
  return plan;
}

}  // namespace puna
