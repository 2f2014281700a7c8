// libFuzzer's entries. The environment variable PUNA_FUZZ_TARGET names what is fuzzed: one program for all.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/mutate_zip.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

const puna::fuzz::Target& FindTarget() {
  using puna::fuzz::Target;
  const char* name = std::getenv("PUNA_FUZZ_TARGET");
  for (const auto& family :
       {puna::fuzz::LoaderTargets(), puna::fuzz::TokenizerTargets(), puna::fuzz::RequestTargets(),
        puna::fuzz::HttpTargets(), puna::fuzz::GrammarTargets()}) {
    for (const Target& target : family) {
      if (name != nullptr && target.name == name) return target;
    }
  }
  std::fputs("PUNA_FUZZ_TARGET names no target (see tests/fuzz/corpus)\n", stderr);
  std::exit(2);
}

const puna::fuzz::Target& Chosen() {
  static const puna::fuzz::Target& target = FindTarget();
  return target;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Chosen().run(std::as_bytes(std::span(data, size)));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  if (!Chosen().is_zip) return LLVMFuzzerMutate(data, size, max_size);
  return puna::fuzz::MutateZip(data, size, max_size, seed, LLVMFuzzerMutate);
}
