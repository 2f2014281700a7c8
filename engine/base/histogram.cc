#include "engine/base/histogram.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "engine/base/check.h"

namespace puna {

Histogram::Histogram(std::span<const double> bounds) : bounds_(bounds) {
  CHECK(bounds.size() <= kMaxBounds) << bounds.size() << " bounds";
  CHECK(std::ranges::is_sorted(bounds, std::less_equal<>())) << "bounds ascend";
}

void Histogram::Add(double value) {
  ++counts_[static_cast<size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin())];
  sum_ += value;
}

int64_t Histogram::total() const { return std::accumulate(counts_.begin(), counts_.end(), int64_t{0}); }

}  // namespace puna
