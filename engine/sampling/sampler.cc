#include "engine/sampling/sampler.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "engine/base/check.h"
#include "engine/sampling/candidates.h"
#include "engine/sampling/greedy.h"
#include "engine/sampling/random.h"

namespace puna {
namespace {

void Forbid(std::span<float> logits, std::span<const uint64_t> allowed) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  for (size_t word = 0; word < allowed.size(); ++word) {
    if (~allowed[word] == 0) continue;
    const size_t end = std::min(logits.size(), (word + 1) * 64);
    for (size_t i = word * 64; i < end; ++i)
      if ((allowed[word] >> (i % 64) & 1) == 0) logits[i] = kNever;
  }
}

bool IsAllowed(std::span<const uint64_t> allowed, int32_t token) {
  return (allowed[static_cast<size_t>(token) / 64] >> (static_cast<size_t>(token) % 64) & 1) != 0;
}

// Where the model gives all allowed tokens no probability at all.
int32_t FirstAllowed(std::span<const uint64_t> allowed) {
  const auto word = std::ranges::find_if(allowed, [](uint64_t bits) { return bits != 0; });
  CHECK(word != allowed.end()) << "no token is allowed";
  return static_cast<int32_t>((word - allowed.begin()) * 64 + std::countr_zero(*word));
}

}  // namespace

Sampler::Sampler(const SamplingParams& params, std::span<const int32_t> prompt, uint64_t seed)
    : params_(params), seed_(params.seed.value_or(seed)), penalties_(params, prompt) {}

int32_t Sampler::Choose(std::span<const float> logits, std::span<const uint64_t> allowed) {
  if (!params_.logit_bias.empty() || penalties_.any() || !allowed.empty()) {
    changed_.assign(logits.begin(), logits.end());
    for (const auto& [token, bias] : params_.logit_bias) {
      CHECK(token >= 0 && static_cast<size_t>(token) < changed_.size()) << "logit_bias of token " << token;
      changed_[static_cast<size_t>(token)] += bias;
    }
    penalties_.Apply(changed_);
    Forbid(changed_, allowed);
    logits = changed_;
  }
  int32_t token = params_.temperature > 0.0f ? ChooseRandomly(logits) : Greedy(logits);
  if (!allowed.empty() && !IsAllowed(allowed, token)) token = FirstAllowed(allowed);
  penalties_.Count(token);
  ++index_;
  return token;
}

int32_t Sampler::ChooseRandomly(std::span<const float> logits) const {
  std::vector<Candidate> candidates = AllCandidates(logits);
  if (params_.top_k > 0) KeepTopK(candidates, static_cast<size_t>(params_.top_k));
  SetWeights(candidates, params_.temperature);
  if (params_.top_p < 1.0f) KeepTopP(candidates, static_cast<double>(params_.top_p));
  if (params_.min_p > 0.0f) KeepMinP(candidates, static_cast<double>(params_.min_p));
  return Draw(candidates, UniformFor(seed_, params_.choice, index_));
}

}  // namespace puna
