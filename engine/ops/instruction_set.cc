#include "engine/ops/instruction_set.h"

#include <cstdint>

#include "engine/base/error.h"
#include "engine/ops/vector_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/ops/instruction_set.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace puna::HWY_NAMESPACE {
int64_t CompiledTarget() { return HWY_TARGET; }
}  // namespace puna::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace puna {
namespace {

HWY_EXPORT(CompiledTarget);

std::string_view NameOf(int64_t target) {
#if defined(__x86_64__)
  return target == HWY_AVX3 ? "avx512" : "avx2";
#else
  return target == HWY_NEON ? "neon" : "none";
#endif
}

// Bits of both this machine and the compiled kernels.
int64_t UsableTargets() { return hwy::SupportedTargets() & HWY_TARGETS; }

}  // namespace

std::vector<std::string> AvailableInstructionSets() {
  std::vector<std::string> names;
  // Highway gives better targets lower bits.
  for (int64_t targets = UsableTargets(); targets != 0; targets &= targets - 1) {
    names.emplace_back(NameOf(targets & -targets));
  }
  return names;
}

std::string_view InstructionSet() { return NameOf(HWY_DYNAMIC_DISPATCH(CompiledTarget)()); }

void UseInstructionSet(std::string_view name) {
  CheckInstructionSet();
  std::string available;
  for (int64_t targets = UsableTargets(); targets != 0; targets &= targets - 1) {
    const int64_t target = targets & -targets;
    if (name.empty() || name == NameOf(target)) {
      hwy::GetChosenTarget().Update(target);
      return;
    }
    if (!available.empty()) available += ", ";
    available += NameOf(target);
  }
  throw Error("instruction set \"" + Printable(name) + "\" is not available; this machine has: " + available);
}

void CheckInstructionSet() {
  if (UsableTargets() != 0) return;
  throw Error(
      "this processor cannot run Puna: its kernels need AVX2 with FMA, BMI2 and F16C (Intel Haswell, AMD Zen "
      "or "
      "newer), or NEON on 64-bit Arm");
}

}  // namespace puna
#endif  // HWY_ONCE
