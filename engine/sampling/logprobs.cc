#include "engine/sampling/logprobs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "engine/base/check.h"
#include "engine/sampling/candidates.h"
#include "engine/sampling/exp_log.h"
#include "engine/sampling/greedy.h"

namespace puna {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();

float Clean(float logit) { return std::isnan(logit) ? kNone : logit; }

// The `top` most probable, sorted: a heap of them whose root is the least.
std::vector<Candidate> Largest(std::span<const float> logits, size_t top) {
  std::vector<Candidate> heap;
  if (top == 0) return heap;
  for (size_t i = 0; i < logits.size(); ++i) {
    const Candidate candidate{static_cast<int32_t>(i), Clean(logits[i])};
    if (heap.size() == top) {
      if (!MoreProbable(candidate, heap.front())) continue;
      std::ranges::pop_heap(heap, MoreProbable);
      heap.pop_back();
    }
    heap.push_back(candidate);
    std::ranges::push_heap(heap, MoreProbable);
  }
  std::ranges::sort_heap(heap, MoreProbable);
  return heap;
}

}  // namespace

TokenLogprobs Logprobs(std::span<const float> logits, int32_t token, int top) {
  CHECK(token >= 0 && static_cast<size_t>(token) < logits.size() && top >= 0) << token << ", top " << top;
  const float largest = Clean(logits[static_cast<size_t>(Greedy(logits))]);
  const auto below_largest = [largest](float logit) {
    return logit == largest ? 0.0 : static_cast<double>(Clean(logit)) - static_cast<double>(largest);
  };
  // Eight sums side by side, then one after the other.
  std::array<double, 8> sums{};
  for (size_t i = 0; i < logits.size(); ++i) sums[i % sums.size()] += ExpOfNegative(below_largest(logits[i]));
  const double log_sum = Log(std::max(std::accumulate(sums.begin(), sums.end(), 0.0), 1.0));
  const auto logprob = [&](float logit) {
    const auto log = static_cast<float>(below_largest(logit) - log_sum);
    return std::max(log, kZeroProbabilityLog);
  };

  TokenLogprobs result;
  result.chosen = logprob(logits[static_cast<size_t>(token)]);
  for (const Candidate& candidate : Largest(logits, static_cast<size_t>(top))) {
    result.top.push_back({candidate.token, logprob(candidate.logit)});
  }
  return result;
}

}  // namespace puna
