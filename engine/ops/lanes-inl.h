// The 16 virtual lanes of the arithmetic contract in registers: one on AVX-512, two on AVX2, four on NEON.
// Included once per instruction set.

#if defined(PUNA_ENGINE_OPS_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PUNA_ENGINE_OPS_LANES_INL_H_
#undef PUNA_ENGINE_OPS_LANES_INL_H_
#else
#define PUNA_ENGINE_OPS_LANES_INL_H_
#endif

#include <hwy/highway.h>

#include "engine/ops/reference.h"

HWY_BEFORE_NAMESPACE();
namespace puna {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using LaneTag = hn::CappedTag<float, reference::kLanes>;
constexpr size_t kVectors = reference::kLanes / hn::MaxLanes(LaneTag());

// The first two steps of reference::SumLanes, (i, i + 8) and (i, i + 4): four lanes are left. A template so
// that only the branch of this register width is compiled.
template <size_t kCount, class V>
HWY_INLINE hn::Vec<hn::FixedTag<float, 4>> FoldToFour(const V (&lanes)[kCount]) {
  const hn::DFromV<V> d;
  const hn::Half<decltype(d)> half;
  if constexpr (kCount == 4) {
    return hn::Add(hn::Add(lanes[0], lanes[2]), hn::Add(lanes[1], lanes[3]));
  } else if constexpr (kCount == 2) {
    const auto eight = hn::Add(lanes[0], lanes[1]);
    return hn::Add(hn::LowerHalf(half, eight), hn::UpperHalf(half, eight));
  } else {
    const hn::Half<decltype(half)> quarter;
    const auto eight = hn::Add(hn::LowerHalf(half, lanes[0]), hn::UpperHalf(half, lanes[0]));
    return hn::Add(hn::LowerHalf(quarter, eight), hn::UpperHalf(quarter, eight));
  }
}

// The last two steps, (i, i + 2) and (0, 1), of four sums at once: {sum a, sum b, sum c, sum d}.
HWY_INLINE hn::Vec<hn::FixedTag<float, 4>> SumFours(hn::Vec<hn::FixedTag<float, 4>> a,
                                                    hn::Vec<hn::FixedTag<float, 4>> b,
                                                    hn::Vec<hn::FixedTag<float, 4>> c,
                                                    hn::Vec<hn::FixedTag<float, 4>> d) {
  const hn::FixedTag<float, 4> d4;
  const auto ab = hn::Add(hn::ConcatLowerLower(d4, b, a), hn::ConcatUpperUpper(d4, b, a));
  const auto cd = hn::Add(hn::ConcatLowerLower(d4, d, c), hn::ConcatUpperUpper(d4, d, c));
  return hn::Add(hn::ConcatEven(d4, cd, ab), hn::ConcatOdd(d4, cd, ab));
}

}  // namespace HWY_NAMESPACE
}  // namespace puna
HWY_AFTER_NAMESPACE();

#endif
