// libFuzzer's entry. The target's name is compiled in: one program per target, from one family of them.
#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/fuzz_targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const puna::fuzz::Target& target : puna::fuzz::PUNA_FUZZ_FAMILY()) {
    if (target.name == PUNA_FUZZ_TARGET) {
      target.run(std::as_bytes(std::span(data, size)));
      return 0;
    }
  }
  std::abort();  // the build names a target that does not exist
}
