#include "engine/sampling/greedy.h"

#include <algorithm>
#include <array>
#include <limits>

#include "engine/base/check.h"

namespace puna {

int32_t Greedy(std::span<const float> logits) {
  CHECK(!logits.empty());
  // First the largest value, in lanes that the compiler can keep in vector registers; then where it is first.
  constexpr size_t kLanes = 16;
  std::array<float, kLanes> lanes;
  lanes.fill(-std::numeric_limits<float>::infinity());
  size_t at = 0;
  for (; at + kLanes <= logits.size(); at += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = logits[at + lane] > lanes[lane] ? logits[at + lane] : lanes[lane];
    }
  }
  float largest = *std::ranges::max_element(lanes);
  for (; at < logits.size(); ++at) largest = logits[at] > largest ? logits[at] : largest;
  const auto found = std::ranges::find(logits, largest);
  return found == logits.end() ? 0 : static_cast<int32_t>(found - logits.begin());
}

}  // namespace puna
