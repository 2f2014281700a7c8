// Stored elements to f32, 32 at a time, split into even and odd ones: lane i holds elements 2i and 2i + 1.
// Included once per instruction set.

#if defined(PUNA_ENGINE_OPS_WIDEN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PUNA_ENGINE_OPS_WIDEN_INL_H_
#undef PUNA_ENGINE_OPS_WIDEN_INL_H_
#else
#define PUNA_ENGINE_OPS_WIDEN_INL_H_
#endif

#include <hwy/highway.h>

#include <cstring>

#include "engine/ops/lanes-inl.h"
#include "engine/tensor/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace puna {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Group {
  hn::Vec<LaneTag> even[kVectors];
  hn::Vec<LaneTag> odd[kVectors];
};

// A 32-bit word holds an even element below and an odd one above: a shift and a mask, no shuffle.
HWY_INLINE Group WidenGroup(const bf16* in) {
  const LaneTag d;
  const hn::RebindToUnsigned<LaneTag> du;
  Group group;
  for (size_t v = 0; v < kVectors; ++v) {
    const auto words = hn::LoadU(du, reinterpret_cast<const uint32_t*>(in) + v * hn::Lanes(du));
    group.even[v] = hn::BitCast(d, hn::ShiftLeft<16>(words));
    group.odd[v] = hn::BitCast(d, hn::And(words, hn::Set(du, 0xFFFF0000u)));
  }
  return group;
}

HWY_INLINE Group WidenGroup(const float* in) {
  const LaneTag d;
  Group group;
  for (size_t v = 0; v < kVectors; ++v) {
    const auto low = hn::LoadU(d, in + 2 * v * hn::Lanes(d));
    const auto high = hn::LoadU(d, in + (2 * v + 1) * hn::Lanes(d));
    group.even[v] = hn::ConcatEven(d, high, low);
    group.odd[v] = hn::ConcatOdd(d, high, low);
  }
  return group;
}

HWY_INLINE Group WidenGroup(const f16* in) {
  const LaneTag d;
  const hn::Rebind<hwy::float16_t, LaneTag> dh;
  const auto* halves = reinterpret_cast<const hwy::float16_t*>(in);
  Group group;
  for (size_t v = 0; v < kVectors; ++v) {
    const auto low = hn::PromoteTo(d, hn::LoadU(dh, halves + 2 * v * hn::Lanes(d)));
    const auto high = hn::PromoteTo(d, hn::LoadU(dh, halves + (2 * v + 1) * hn::Lanes(d)));
    group.even[v] = hn::ConcatEven(d, high, low);
    group.odd[v] = hn::ConcatOdd(d, high, low);
  }
  return group;
}

// The first `count` < 32 elements, then zeros. Reads no further: the mapping may end there.
template <typename W>
HWY_NOINLINE Group WidenPartGroup(const W* in, size_t count) {
  W filled[2 * reference::kLanes] = {};
  std::memcpy(filled, in, count * sizeof(W));
  return WidenGroup(filled);
}

HWY_INLINE void StoreGroup(const Group& group, float* HWY_RESTRICT out) {
  const LaneTag d;
  for (size_t v = 0; v < kVectors; ++v) {
    hn::Store(group.even[v], d, out + v * hn::Lanes(d));
    hn::Store(group.odd[v], d, out + reference::kLanes + v * hn::Lanes(d));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace puna
HWY_AFTER_NAMESPACE();

#endif
