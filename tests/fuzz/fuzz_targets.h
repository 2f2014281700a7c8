#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace puna::fuzz {

// One parser of untrusted bytes: takes any input, must neither crash, hang, leak nor break a promise of its
// header.
struct Target {
  std::string_view name;  // also the folder of its corpus under tests/fuzz/corpus
  void (*run)(std::span<const std::byte> input);
  bool is_zip = false;  // inputs are archives: mutate_zip.h
};

std::span<const Target> LoaderTargets();
std::span<const Target> TokenizerTargets();
std::span<const Target> RequestTargets();
std::span<const Target> HttpTargets();
std::span<const Target> GrammarTargets();

}  // namespace puna::fuzz
