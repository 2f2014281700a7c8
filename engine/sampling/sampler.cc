#include "engine/sampling/sampler.h"

#include "engine/base/check.h"
#include "engine/sampling/candidates.h"
#include "engine/sampling/greedy.h"
#include "engine/sampling/random.h"

namespace puna {

Sampler::Sampler(const SamplingParams& params, std::span<const int32_t> prompt, uint64_t seed)
    : params_(params), seed_(params.seed.value_or(seed)), penalties_(params, prompt) {}

int32_t Sampler::Choose(std::span<const float> logits) {
  if (!params_.logit_bias.empty() || penalties_.any()) {
    changed_.assign(logits.begin(), logits.end());
    for (const auto& [token, bias] : params_.logit_bias) {
      CHECK(token >= 0 && static_cast<size_t>(token) < changed_.size()) << "logit_bias of token " << token;
      changed_[static_cast<size_t>(token)] += bias;
    }
    penalties_.Apply(changed_);
    logits = changed_;
  }
  const int32_t token = params_.temperature > 0.0f ? ChooseRandomly(logits) : Greedy(logits);
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
