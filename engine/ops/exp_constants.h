#pragma once

// The constants of exp (reference.h, Exp), shared by the reference and the kernels so that both take the same
// steps:
//   n = round(x * kLog2E), by adding and subtracting kRound
//   r = fma(n, -kLn2Low, fma(n, -kLn2High, x))           |r| <= ln(2) / 2
//   p = ((((kC6 r + kC5) r + kC4) r + kC3) r + kC2) r ... + 1) r + 1, Horner, every step one fma
//   exp(x) = p * 2^n, exact
// The polynomial is a fit of our own with relative error below 5e-9, rounded to f32.
namespace puna::exp_constants {

inline constexpr float kLowest = -87.0f;  // below: 0
inline constexpr float kHighest = 88.0f;  // above: +inf
inline constexpr float kLog2E = 0x1.715476p+0f;
inline constexpr float kRound =
    0x1.8p+23f;  // 1.5 * 2^23: what is left of an f32's fraction are whole numbers
inline constexpr float kLn2High = 0x1.63p-1f;  // few bits, so that n * kLn2High is exact
inline constexpr float kLn2Low = -0x1.bd0106p-13f;
inline constexpr float kC2 = 0x1.fffffcp-2f;
inline constexpr float kC3 = 0x1.55549p-3f;
inline constexpr float kC4 = 0x1.5558f4p-5f;
inline constexpr float kC5 = 0x1.123a6cp-7f;
inline constexpr float kC6 = 0x1.6a2352p-10f;

}  // namespace puna::exp_constants
