// Vector forms of the definitions in reference.h, for the kernels' .cc files. Included once per instruction
// set.
#if defined(PUNA_ENGINE_OPS_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PUNA_ENGINE_OPS_VECTOR_MATH_INL_H_
#undef PUNA_ENGINE_OPS_VECTOR_MATH_INL_H_
#else
#define PUNA_ENGINE_OPS_VECTOR_MATH_INL_H_
#endif

#include <bit>
#include <cstddef>
#include <cstring>
#include <limits>

#include "engine/ops/reference.h"
#include "engine/tensor/dtype.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace puna::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using D4 = hn::Full128<float>;
using V = hn::Vec<D>;

inline constexpr size_t kN = hn::MaxLanes(D());           // floats per register: 4, 8 or 16
inline constexpr size_t kParts = reference::kLanes / kN;  // registers that make the 16 lanes
static_assert(kN * kParts == reference::kLanes);

// Makes the compiler keep v in a register. It would rather load again for every multiply-add, and two loads
// in a cycle are fewer than two multiply-adds need.
template <class Vec>
HWY_INLINE void KeepInRegister(Vec& v) {
#if HWY_TARGET == HWY_AVX2
  asm("" : "+x"(v.raw));
#elif HWY_TARGET == HWY_AVX3
  asm("" : "+v"(v.raw));
#else
  (void)v;
#endif
}

// reference::Exp, lane by lane.
template <class DF>
HWY_INLINE hn::Vec<DF> Exp(DF d, hn::Vec<DF> x) {
  const hn::RebindToUnsigned<DF> du;
  const auto round = hn::Set(d, reference::kRoundToInteger);
  const auto shifted = hn::MulAdd(x, hn::Set(d, reference::kLog2E), round);
  const auto n = hn::Sub(shifted, round);
  auto r = hn::NegMulAdd(n, hn::Set(d, reference::kLn2High), x);
  r = hn::NegMulAdd(n, hn::Set(d, reference::kLn2Low), r);
  auto p = hn::Set(d, reference::kExpTaylor[0]);
  for (size_t i = 1; i < reference::kExpTaylor.size(); ++i) {
    p = hn::MulAdd(p, r, hn::Set(d, reference::kExpTaylor[i]));
  }
  const uint32_t bias = std::bit_cast<uint32_t>(reference::kRoundToInteger) - 127;
  const auto power = hn::BitCast(d, hn::ShiftLeft<23>(hn::Sub(hn::BitCast(du, shifted), hn::Set(du, bias))));
  auto result = hn::Mul(p, power);
  result = hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, reference::kExpLowest)), result);
  const auto infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  return hn::IfThenElse(hn::Gt(x, hn::Set(d, reference::kExpHighest)), infinity, result);
}

// The first two steps of SumLanes: 16 lanes in kCount registers become 4. A template, so that only the branch
// of this register width is compiled.
template <size_t kCount, class VF>
HWY_INLINE hn::Vec<D4> FoldTo4(const VF (&lanes)[kCount]) {
  const hn::DFromV<VF> d;
  const hn::Half<decltype(d)> half;
  if constexpr (kCount == 4) {
    return hn::Add(hn::Add(lanes[0], lanes[2]), hn::Add(lanes[1], lanes[3]));
  } else if constexpr (kCount == 2) {
    const auto v8 = hn::Add(lanes[0], lanes[1]);
    return hn::Add(hn::LowerHalf(half, v8), hn::UpperHalf(half, v8));
  } else {
    const hn::Half<decltype(half)> quarter;
    const auto v8 = hn::Add(hn::LowerHalf(half, lanes[0]), hn::UpperHalf(half, lanes[0]));
    return hn::Add(hn::LowerHalf(quarter, v8), hn::UpperHalf(quarter, v8));
  }
}

// reference::SumLanes.
HWY_INLINE float SumLanes(const V (&lanes)[kParts]) {
  const auto v4 = FoldTo4(lanes);
  const auto v2 = hn::Add(v4, hn::Shuffle1032(v4));
  return hn::GetLane(hn::Add(v2, hn::Shuffle2301(v2)));
}

// kN elements widened.
HWY_INLINE V LoadWide(D d, const float* p) { return hn::LoadU(d, p); }
HWY_INLINE V LoadWide(D d, const bf16* p) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::Rebind<uint32_t, D> d32;
  const auto bits = hn::PromoteTo(d32, hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p)));
  return hn::BitCast(d, hn::ShiftLeft<16>(bits));
}
HWY_INLINE V LoadWide(D d, const f16* p) {
  const hn::Rebind<hwy::float16_t, D> d16;
  return hn::PromoteTo(d, hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(p)));
}

// Calls body with a pointer to the stored type.
template <class Body>
HWY_INLINE void WithStoredType(DType dtype, const std::byte* data, const Body& body) {
  switch (dtype) {
    case DType::kBF16:
      return body(reinterpret_cast<const bf16*>(data));
    case DType::kF16:
      return body(reinterpret_cast<const f16*>(data));
    case DType::kF32:
      return body(reinterpret_cast<const float*>(data));
  }
}

// Like LoadWide for the last n < kN elements; the rest is zero. Reads no element beyond them.
template <class T>
HWY_INLINE V LoadWideTail(D d, const T* p, size_t n) {
  T padded[kN] = {};
  std::memcpy(padded, p, n * sizeof(T));
  return LoadWide(d, padded);
}

HWY_INLINE void StoreTail(D d, V v, float* p, size_t n) {
  HWY_ALIGN float padded[kN];
  hn::Store(v, d, padded);
  std::memcpy(p, padded, n * sizeof(float));
}

}  // namespace puna::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per instruction set
