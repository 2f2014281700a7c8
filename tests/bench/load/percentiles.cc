#include "tests/bench/load/percentiles.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/base/check.h"

namespace puna::bench {

Percentiles::Percentiles(std::vector<double> values) : sorted_(std::move(values)) {
  std::ranges::sort(sorted_);
}

double Percentiles::At(double percent) const {
  CHECK(percent > 0 && percent <= 100) << percent << " percent";
  if (sorted_.empty()) return 0;
  // 99.9 % of 1000 is a little more than 999 in floating point, and would be the next rank.
  const double exact = percent / 100 * static_cast<double>(sorted_.size());
  const auto rank = static_cast<size_t>(std::ceil(exact - 1e-9));
  return sorted_[std::clamp<size_t>(rank, 1, sorted_.size()) - 1];
}

}  // namespace puna::bench
