#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace puna {

struct Candidate {
  int32_t token;
  float logit;
  double weight = 0.0;  // exp((logit - largest) / temperature): the probability but for a factor
};

// Candidates in this order have one only arrangement: larger logits first, of equals the lower id. NaN is
// last.
bool MoreProbable(const Candidate& a, const Candidate& b);

// Every token with its logit, in order of id. NaN becomes minus infinity.
std::vector<Candidate> AllCandidates(std::span<const float> logits);

// Each of these keeps the most probable ones and at least one.
// Keeps k, in unspecified order. REQUIRES: k >= 1.
void KeepTopK(std::vector<Candidate>& candidates, size_t k);
// Keeps the fewest that together hold at least the share `p` of all weights. REQUIRES: weights are set.
void KeepTopP(std::vector<Candidate>& candidates, double p);
// Keeps those whose weight is at least `p` times the largest. REQUIRES: weights are set.
void KeepMinP(std::vector<Candidate>& candidates, double p);

// Sets the weights. REQUIRES: not empty; temperature > 0.
void SetWeights(std::vector<Candidate>& candidates, float temperature);

// The candidate at `uniform` in [0, 1) of the weights laid end to end in order of id. REQUIRES: weights are
// set.
int32_t Draw(std::vector<Candidate>& candidates, double uniform);

}  // namespace puna
