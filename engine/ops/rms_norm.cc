#include "engine/ops/rms_norm.h"

#include <cmath>

#include "engine/ops/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/ops/rms_norm.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "engine/ops/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace puna::HWY_NAMESPACE {

// The zeros that fill up the last 16 add +0 to sums of squares, which changes no bit.
float SumOfSquares(std::span<const float> x) {
  const D d;
  V lanes[kParts];
  for (V& lane : lanes) lane = hn::Zero(d);
  size_t i = 0;
  for (; i + reference::kLanes <= x.size(); i += reference::kLanes) {
    for (size_t part = 0; part < kParts; ++part) {
      const V v = hn::LoadU(d, x.data() + i + part * kN);
      lanes[part] = hn::MulAdd(v, v, lanes[part]);
    }
  }
  HWY_ALIGN float rest[reference::kLanes] = {};
  if (i < x.size()) std::memcpy(rest, x.data() + i, (x.size() - i) * sizeof(float));
  for (size_t part = 0; part < kParts; ++part) {
    const V v = hn::Load(d, rest + part * kN);
    lanes[part] = hn::MulAdd(v, v, lanes[part]);
  }
  return SumLanes(lanes);
}

template <class T>
void ScaleRow(std::span<const float> x, const T* weight, float scale, std::span<float> out) {
  const D d;
  const V scales = hn::Set(d, scale);
  size_t i = 0;
  for (; i + kN <= x.size(); i += kN) {
    const V v = hn::Mul(hn::LoadU(d, x.data() + i), scales);
    hn::StoreU(hn::Mul(v, LoadWide(d, weight + i)), d, out.data() + i);
  }
  if (const size_t n = x.size() - i; n > 0) {
    const V v = hn::Mul(LoadWideTail(d, x.data() + i, n), scales);
    StoreTail(d, hn::Mul(v, LoadWideTail(d, weight + i, n)), out.data() + i, n);
  }
}

void RmsNormKernel(std::span<const float> x, const VectorView& weight, float eps, std::span<float> out) {
  const float mean = SumOfSquares(x) / static_cast<float>(x.size());
  const float scale = 1.0f / std::sqrt(mean + eps);
  WithStoredType(weight.dtype, weight.data, [&](const auto* w) HWY_ATTR { ScaleRow(x, w, scale, out); });
}

}  // namespace puna::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace puna {

HWY_EXPORT(RmsNormKernel);

void RmsNorm(std::span<const float> x, const VectorView& weight, float eps, std::span<float> out) {
  HWY_DYNAMIC_DISPATCH(RmsNormKernel)(x, weight, eps, out);
}

}  // namespace puna
#endif  // HWY_ONCE
