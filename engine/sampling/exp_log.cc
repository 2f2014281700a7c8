#include "engine/sampling/exp_log.h"

namespace puna {

double Log(double x) {
  constexpr int kMantissaBits = 52;
  constexpr int kBias = 1023;
  constexpr uint64_t kMantissa = (uint64_t{1} << kMantissaBits) - 1;
  constexpr double kSqrt2 = 0x1.6a09e667f3bcdp+0;
  constexpr double kLn2High = 0x1.62e42fee00000p-1;
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

  // x = 2^n m with m in [sqrt(1/2), sqrt(2))
  const auto bits = std::bit_cast<uint64_t>(x);
  auto n = static_cast<int>(bits >> kMantissaBits) - kBias;
  double m = std::bit_cast<double>((bits & kMantissa) | (static_cast<uint64_t>(kBias) << kMantissaBits));
  if (m >= kSqrt2) {
    m *= 0.5;
    ++n;
  }
  // log(m) = 2 (s + s^3 / 3 + s^5 / 5 + ...), |s| < 0.172; after s^23 the rest is below 2^-64.
  const double s = (m - 1.0) / (m + 1.0);
  const double s2 = s * s;
  double sum = 0.0;
  for (int power = 23; power >= 3; power -= 2) sum = (sum + 1.0 / power) * s2;
  return n * kLn2High + (2.0 * s + (2.0 * s * sum + n * kLn2Low));
}

}  // namespace puna
