#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace puna {

// Llama 3.1's stretching of the low frequencies (Meta's apply_scaling).
struct RopeScaling {
  float factor = 8.0f;
  float low_freq_factor = 1.0f;
  float high_freq_factor = 4.0f;
  float original_context = 8192.0f;  // positions the base model was trained on
};

// Cosines and sines of the rotary embedding, computed once.  Su et al. 2021, in Meta's interleaved pairing:
// elements (2i, 2i + 1) of a head turn by position * frequency[i].
class RopeTable {
 public:
  // REQUIRES: head_dim even and > 0; theta > 0; max_positions > 0.
  RopeTable(int head_dim, float theta, std::optional<RopeScaling> scaling, int max_positions);

  int max_positions() const { return max_positions_; }
  size_t Bytes() const { return (cos_.size() + sin_.size()) * sizeof(float); }
  std::span<const float> Cos(int position) const;  // [head_dim / 2]
  std::span<const float> Sin(int position) const;  // [head_dim / 2]

 private:
  int half_dim_;
  int max_positions_;
  std::vector<float> cos_;  // [max_positions, head_dim / 2]
  std::vector<float> sin_;
};

// Turns every head of x in place for one position.  x: [n * head_dim].
void ApplyRope(const RopeTable& table, int position, std::span<float> x);

}  // namespace puna
