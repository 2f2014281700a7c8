// Which instruction sets the kernels are compiled for: AVX-512 and AVX2 on x86, NEON on arm64, beside
// Highway's obligatory baseline, which CheckInstructionSet refuses at run time because it has no fused
// multiply-add. Included before <hwy/foreach_target.h>, on every pass.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#endif
