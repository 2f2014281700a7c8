#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace puna {

// How many values fell between fixed bounds, and their sum. A plain value: small enough to copy, locked by
// whoever shares it.
class Histogram {
 public:
  static constexpr size_t kMaxBounds = 20;

  // `bounds`: ascending, at most kMaxBounds; they outlive every copy.
  explicit Histogram(std::span<const double> bounds);

  void Add(double value);

  std::span<const double> bounds() const { return bounds_; }
  // counts()[i]: values at most bounds()[i] that no bound before takes; the last one: beyond all bounds.
  std::span<const int64_t> counts() const { return {counts_.data(), bounds_.size() + 1}; }
  int64_t total() const;
  double sum() const { return sum_; }

 private:
  std::span<const double> bounds_;
  std::array<int64_t, kMaxBounds + 1> counts_{};
  double sum_ = 0;
};

}  // namespace puna
