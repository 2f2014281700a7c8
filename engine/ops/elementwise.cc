#include "engine/ops/elementwise.h"

#include <limits>

#include "engine/ops/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/ops/elementwise.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h.
#include "engine/ops/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace puna::HWY_NAMESPACE {

HWY_INLINE V SiluTimes(D d, V gate, V up) {
  const V silu = hn::Div(gate, hn::Add(hn::Set(d, 1.0f), Exp(d, hn::Neg(gate))));
  return hn::Mul(silu, up);
}

void SiluMulKernel(std::span<float> gate, std::span<const float> up) {
  const D d;
  size_t i = 0;
  for (; i + kN <= gate.size(); i += kN) {
    float* g = gate.data() + i;
    hn::StoreU(SiluTimes(d, hn::LoadU(d, g), hn::LoadU(d, up.data() + i)), d, g);
  }
  if (const size_t n = gate.size() - i; n > 0) {
    float* g = gate.data() + i;
    StoreTail(d, SiluTimes(d, LoadWideTail(d, g, n), LoadWideTail(d, up.data() + i, n)), g, n);
  }
}

void AddKernel(std::span<const float> delta, std::span<float> x) {
  const D d;
  size_t i = 0;
  for (; i + kN <= x.size(); i += kN) {
    hn::StoreU(hn::Add(hn::LoadU(d, x.data() + i), hn::LoadU(d, delta.data() + i)), d, x.data() + i);
  }
  for (; i < x.size(); ++i) x[i] += delta[i];
}

void EmbedRowKernel(DType dtype, const std::byte* data, std::span<float> out) {
  const D d;
  WithStoredType(dtype, data, [&](const auto* from) HWY_ATTR {
    size_t i = 0;
    for (; i + kN <= out.size(); i += kN) hn::StoreU(LoadWide(d, from + i), d, out.data() + i);
    if (const size_t n = out.size() - i; n > 0) {
      StoreTail(d, LoadWideTail(d, from + i, n), out.data() + i, n);
    }
  });
}

// Two passes: the largest value, then its first index.
int32_t ArgMaxKernel(std::span<const float> logits) {
  const D d;
  const V lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  V best = lowest;
  size_t i = 0;
  for (; i + kN <= logits.size(); i += kN) {
    const V v = hn::LoadU(d, logits.data() + i);
    best = hn::Max(best, hn::IfThenElse(hn::IsNaN(v), lowest, v));
  }
  float max = hn::GetLane(hn::MaxOfLanes(d, best));
  for (; i < logits.size(); ++i) {
    if (logits[i] > max) max = logits[i];
  }
  const V maxes = hn::Set(d, max);
  for (i = 0; i + kN <= logits.size(); i += kN) {
    const intptr_t lane = hn::FindFirstTrue(d, hn::Eq(hn::LoadU(d, logits.data() + i), maxes));
    if (lane >= 0) return static_cast<int32_t>(i + static_cast<size_t>(lane));
  }
  for (; i < logits.size(); ++i) {
    if (logits[i] == max) return static_cast<int32_t>(i);
  }
  return 0;  // nothing but NaN
}

}  // namespace puna::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace puna {

HWY_EXPORT(SiluMulKernel);
HWY_EXPORT(AddKernel);
HWY_EXPORT(EmbedRowKernel);
HWY_EXPORT(ArgMaxKernel);

void SiluMul(std::span<float> gate, std::span<const float> up) {
  HWY_DYNAMIC_DISPATCH(SiluMulKernel)(gate, up);
}

void Add(std::span<const float> delta, std::span<float> x) { HWY_DYNAMIC_DISPATCH(AddKernel)(delta, x); }

void EmbedRow(const MatrixView& table, int64_t row, std::span<float> out) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(EmbedRowKernel);
  if (table.piece_cols == 0) return kernel(table.dtype, table.Row(row), out);
  const auto width = static_cast<size_t>(table.piece_cols);
  for (size_t first = 0; first < out.size(); first += width) {
    kernel(table.dtype, table.Element(row, static_cast<int64_t>(first)), out.subspan(first, width));
  }
}

int32_t ArgMax(std::span<const float> logits) { return HWY_DYNAMIC_DISPATCH(ArgMaxKernel)(logits); }

}  // namespace puna
#endif  // HWY_ONCE
