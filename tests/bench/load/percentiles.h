#pragma once

#include <cstddef>
#include <vector>

namespace puna::bench {

// A distribution of durations, in milliseconds.
class Percentiles {
 public:
  explicit Percentiles(std::vector<double> values);

  // The smallest value that at least `percent` of all values do not exceed (nearest rank); 100 is the
  // largest. 0 without values. REQUIRES: 0 < percent <= 100.
  double At(double percent) const;
  double Max() const { return At(100); }
  size_t count() const { return sorted_.size(); }

 private:
  std::vector<double> sorted_;
};

}  // namespace puna::bench
