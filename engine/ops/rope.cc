#include "engine/ops/rope.h"

#include <array>
#include <cmath>
#include <utility>

#include "engine/base/check.h"
#include "engine/ops/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/ops/rope.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "engine/ops/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace puna::HWY_NAMESPACE {

// head: [2 * half_dim] interleaved pairs; cos, sin: [half_dim].
void TurnHead(const float* cos, const float* sin, size_t half_dim, float* head) {
  const D d;
  size_t i = 0;
  for (; i + kN <= half_dim; i += kN) {
    const V low = hn::LoadU(d, head + 2 * i);
    const V high = hn::LoadU(d, head + 2 * i + kN);
    const V a = hn::ConcatEven(d, high, low);
    const V b = hn::ConcatOdd(d, high, low);
    const V c = hn::LoadU(d, cos + i);
    const V s = hn::LoadU(d, sin + i);
    hn::StoreInterleaved2(hn::MulSub(a, c, hn::Mul(b, s)), hn::MulAdd(a, s, hn::Mul(b, c)), d, head + 2 * i);
  }
  for (; i < half_dim; ++i) {
    const float a = head[2 * i];
    const float b = head[2 * i + 1];
    head[2 * i] = std::fma(a, cos[i], -(b * sin[i]));
    head[2 * i + 1] = std::fma(a, sin[i], b * cos[i]);
  }
}

void ApplyRopeKernel(std::span<const float> cos, std::span<const float> sin, std::span<float> x) {
  const size_t head_dim = 2 * cos.size();
  for (size_t head = 0; head < x.size(); head += head_dim) {
    TurnHead(cos.data(), sin.data(), cos.size(), x.data() + head);
  }
}

}  // namespace puna::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace puna {
namespace {

HWY_EXPORT(ApplyRopeKernel);

// The table's functions are our own, in double with fixed steps, so that its bits do not depend on a C
// library.

// ln(x) = k ln 2 + 2 atanh((m - 1) / (m + 1)), x = 2^k m, m in [sqrt(1/2), sqrt(2)).
double Ln(double x) {
  int k = 0;
  double m = std::frexp(x, &k);  // [1/2, 1)
  if (m < 0x1.6a09e667f3bcdp-1) {
    m *= 2;
    --k;
  }
  const double s = (m - 1) / (m + 1);
  const double s2 = s * s;
  double sum = 0;
  for (int n = 25; n >= 1; n -= 2)
    sum = std::fma(sum, s2, 1.0 / n);  // |s| < 0.172: the next term is below 1e-22
  return std::fma(2 * s, sum, k * 0x1.62e42fefa39efp-1);
}

// exp(x) = 2^k exp(r), |r| <= ln 2 / 2.
double ExpOf(double x) {
  const double k = std::nearbyint(x * 0x1.71547652b82fep+0);
  double r = std::fma(-k, 0x1.62e42fefa39efp-1, x);
  r = std::fma(-k, 0x1.abc9e3b39803fp-56, r);
  double sum = 1;
  for (int n = 16; n >= 1; --n) sum = std::fma(sum, r / n, 1.0);
  return std::ldexp(sum, static_cast<int>(k));
}

// Sine and cosine of an f32 angle below 2^26: the angle less the nearest multiple of pi / 2 (in three parts,
// 150 bits), then Taylor on [-pi/4, pi/4].
std::pair<double, double> SinCos(double angle) {
  const double k = std::nearbyint(angle * 0x1.45f306dc9c883p-1);
  double r = std::fma(-k, 0x1.921fb54442d18p+0, angle);
  r = std::fma(-k, 0x1.1a62633145c07p-54, r);
  r = std::fma(-k, -0x1.f1976b7ed8fbcp-110, r);
  const double r2 = r * r;
  double sin = 1;
  for (int n = 20; n >= 2; n -= 2) sin = std::fma(sin, -r2 / (n * (n + 1)), 1.0);
  sin *= r;
  double cos = 1;
  for (int n = 19; n >= 1; n -= 2) cos = std::fma(cos, -r2 / (n * (n + 1)), 1.0);
  switch (static_cast<int64_t>(k) & 3) {
    case 0:
      return {sin, cos};
    case 1:
      return {cos, -sin};
    case 2:
      return {-sin, -cos};
    default:
      return {-cos, sin};
  }
}

// Every line one f32 rounding, in the order of Meta's apply_scaling on f32 tensors, whose number / tensor is
// number * (1 / tensor).
float Scaled(float frequency, const RopeScaling& scaling) {
  const float wavelength = 6.283185307179586f * (1.0f / frequency);
  const float low_wavelength = scaling.original_context / scaling.low_freq_factor;
  const float high_wavelength = scaling.original_context / scaling.high_freq_factor;
  if (wavelength < high_wavelength) return frequency;
  if (wavelength > low_wavelength) return frequency / scaling.factor;
  const float turns = scaling.original_context * (1.0f / wavelength);
  const float smooth =
      (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
  const float slow = (1.0f - smooth) * frequency / scaling.factor;
  const float fast = smooth * frequency;
  return slow + fast;
}

}  // namespace

RopeTable::RopeTable(int head_dim, float theta, std::optional<RopeScaling> scaling, int max_positions)
    : half_dim_(head_dim / 2), max_positions_(max_positions) {
  CHECK(head_dim > 0 && head_dim % 2 == 0) << "head_dim " << head_dim;
  CHECK(theta > 0 && max_positions > 0) << "theta " << theta << ", max_positions " << max_positions;
  const auto half = static_cast<size_t>(half_dim_);
  cos_.resize(half * static_cast<size_t>(max_positions));
  sin_.resize(cos_.size());
  const double ln_theta = Ln(theta);
  for (size_t i = 0; i < half; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim);
    const float frequency = 1.0f / static_cast<float>(ExpOf(exponent * ln_theta));
    const float used = scaling ? Scaled(frequency, *scaling) : frequency;
    for (size_t position = 0; position < static_cast<size_t>(max_positions); ++position) {
      const float angle = static_cast<float>(position) * used;
      const auto [sin, cos] = SinCos(angle);
      cos_[position * half + i] = static_cast<float>(cos);
      sin_[position * half + i] = static_cast<float>(sin);
    }
  }
}

std::span<const float> RopeTable::Cos(int position) const {
  const auto half = static_cast<size_t>(half_dim_);
  return {cos_.data() + static_cast<size_t>(position) * half, half};
}

std::span<const float> RopeTable::Sin(int position) const {
  const auto half = static_cast<size_t>(half_dim_);
  return {sin_.data() + static_cast<size_t>(position) * half, half};
}

void ApplyRope(const RopeTable& table, int position, std::span<float> x) {
  HWY_DYNAMIC_DISPATCH(ApplyRopeKernel)(table.Cos(position), table.Sin(position), x);
}

}  // namespace puna
#endif  // HWY_ONCE
