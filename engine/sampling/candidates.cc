#include "engine/sampling/candidates.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/base/check.h"
#include "engine/sampling/exp_log.h"

namespace puna {
namespace {

void SortById(std::vector<Candidate>& candidates) {
  if (std::ranges::is_sorted(candidates, {}, &Candidate::token)) return;
  std::ranges::sort(candidates, {}, &Candidate::token);
}

double SumOfWeights(std::span<const Candidate> candidates) {
  double sum = 0.0;
  for (const Candidate& candidate : candidates) sum += candidate.weight;
  return sum;
}

}  // namespace

bool MoreProbable(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

std::vector<Candidate> AllCandidates(std::span<const float> logits) {
  std::vector<Candidate> candidates(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    const float logit = std::isnan(logits[i]) ? -std::numeric_limits<float>::infinity() : logits[i];
    candidates[i] = {static_cast<int32_t>(i), logit};
  }
  return candidates;
}

void KeepTopK(std::vector<Candidate>& candidates, size_t k) {
  CHECK(k >= 1);
  if (k >= candidates.size()) return;
  std::nth_element(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(k), candidates.end(),
                   MoreProbable);
  candidates.resize(k);
}

void KeepTopP(std::vector<Candidate>& candidates, double p) {
  // In order of id, so that the sum does not depend on how the candidates were selected before.
  SortById(candidates);
  const double wanted = p * SumOfWeights(candidates);
  // The most probable ones are sorted piece by piece: usually few are needed of many.
  constexpr size_t kFirstPiece = 64;
  double held = 0.0;
  size_t sorted = 0;
  for (size_t kept = 0; kept < candidates.size(); ++kept) {
    if (kept == sorted) {
      sorted = std::min(candidates.size(), std::max(kFirstPiece, sorted * 8));
      const auto first = candidates.begin() + static_cast<ptrdiff_t>(kept);
      const auto last = candidates.begin() + static_cast<ptrdiff_t>(sorted);
      std::partial_sort(first, last, candidates.end(), MoreProbable);
    }
    held += candidates[kept].weight;
    if (held >= wanted) {
      candidates.resize(kept + 1);
      return;
    }
  }
}

void KeepMinP(std::vector<Candidate>& candidates, double p) {
  // The largest weight is exp(0) = 1.
  std::erase_if(candidates, [p](const Candidate& candidate) { return candidate.weight < p; });
}

void SetWeights(std::vector<Candidate>& candidates, float temperature) {
  CHECK(!candidates.empty() && temperature > 0.0f) << candidates.size() << ", temperature " << temperature;
  const float largest = std::ranges::min_element(candidates, MoreProbable)->logit;
  for (Candidate& candidate : candidates) {
    const double below = static_cast<double>(candidate.logit) - static_cast<double>(largest);
    // The difference of equal infinities is no number, but their weight is the largest.
    candidate.weight =
        candidate.logit == largest ? 1.0 : ExpOfNegative(below / static_cast<double>(temperature));
  }
}

int32_t Draw(std::vector<Candidate>& candidates, double uniform) {
  CHECK(!candidates.empty());
  SortById(candidates);
  const double point = uniform * SumOfWeights(candidates);
  double end = 0.0;
  int32_t last = candidates.front().token;
  for (const Candidate& candidate : candidates) {
    if (candidate.weight == 0.0) continue;
    end += candidate.weight;
    last = candidate.token;
    if (point < end) break;
  }
  return last;  // rounding may leave the point at the very end: the last one that has any weight
}

}  // namespace puna
