#pragma once

// Which instruction sets the kernels are compiled for: AVX2 and AVX-512 on x86-64, NEON on AArch64. Include
// before any Highway header. There is no slower fallback: CheckInstructionSet refuses other machines before a
// kernel runs, so the oldest set we support is Highway's baseline, and nothing is compiled for what is older.

#if defined(__x86_64__)
#define HWY_BASELINE_TARGETS HWY_AVX2
#define HWY_DISABLED_TARGETS (HWY_SCALAR | HWY_EMU128 | HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#elif defined(__aarch64__)
#define HWY_BASELINE_TARGETS HWY_NEON
#define HWY_DISABLED_TARGETS (HWY_SCALAR | HWY_EMU128 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#else
#error "Puna's kernels need x86-64 or AArch64"
#endif
