#include "engine/sampling/penalties.h"

namespace puna {

Penalties::Penalties(const SamplingParams& params, std::span<const int32_t> prompt)
    : presence_(params.presence_penalty),
      frequency_(params.frequency_penalty),
      repetition_(params.repetition_penalty),
      any_(presence_ != 0.0f || frequency_ != 0.0f || repetition_ != 1.0f) {
  if (repetition_ != 1.0f) occurred_.insert(prompt.begin(), prompt.end());
}

void Penalties::Count(int32_t token) {
  if (!any_) return;
  ++in_answer_[token];
  if (repetition_ != 1.0f) occurred_.insert(token);
}

void Penalties::Apply(std::span<float> logits) const {
  for (const int32_t token : occurred_) {
    float& logit = logits[static_cast<size_t>(token)];
    logit = logit > 0.0f ? logit / repetition_ : logit * repetition_;
  }
  for (const auto& [token, count] : in_answer_) {
    logits[static_cast<size_t>(token)] -= presence_ + static_cast<float>(count) * frequency_;
  }
}

}  // namespace puna
