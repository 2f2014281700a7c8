#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace puna {

// exp and log of IEEE double additions, multiplications and divisions alone: the same bits on every machine
// and with every libm, which std::exp and std::log do not promise. Within a few units in the last place of
// the true value, more than sampling needs.

// exp(x) for x <= 0; 0 below -700, and for NaN. Inline and without branches, so that loops over a vocabulary
// become vector code. REQUIRES: x <= 0 or NaN.
inline double ExpOfNegative(double x) {
  constexpr double kLog2e = 0x1.71547652b82fep+0;
  // ln 2 in two parts: the first ends in 21 zero bits, so its product with n below is exact.
  constexpr double kLn2High = 0x1.62e42fee00000p-1;
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  // Added to a small number, this leaves its nearest integer in the lowest bits; subtracted again, the
  // integer.
  constexpr double kRound = 0x1.8p+52;
  constexpr double kSmallest = -700.0;  // exp of it is still a normal number
  // Taylor's series to r^13, 1 / k!; the rest is below 2^-57 for |r| <= ln(2) / 2.
  constexpr std::array kReciprocalFactorials = {1.0,
                                                1.0,
                                                1.0 / 2,
                                                1.0 / 6,
                                                1.0 / 24,
                                                1.0 / 120,
                                                1.0 / 720,
                                                1.0 / 5040,
                                                1.0 / 40320,
                                                1.0 / 362880,
                                                1.0 / 3628800,
                                                1.0 / 39916800,
                                                1.0 / 479001600,
                                                1.0 / 6227020800};

  // exp(x) = 2^n exp(r)
  const double in_range = x >= kSmallest ? x : kSmallest;
  const double shifted = in_range * kLog2e + kRound;
  const double n = shifted - kRound;
  const double r = (in_range - n * kLn2High) - n * kLn2Low;
  double sum = kReciprocalFactorials.back();
  for (size_t k = kReciprocalFactorials.size() - 1; k > 0; --k) sum = sum * r + kReciprocalFactorials[k - 1];
  const double power = std::bit_cast<double>((std::bit_cast<uint64_t>(shifted) + 1023) << 52);
  return x >= kSmallest ? sum * power : 0.0;
}

// The natural logarithm. REQUIRES: x is positive, finite and not subnormal.
double Log(double x);

}  // namespace puna
