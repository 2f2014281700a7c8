#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace puna {

// The element types a checkpoint may hold. Weights stay in them; activations and sums are f32.
enum class DType : uint8_t { kBF16, kF16, kF32 };

// Storage only: bf16 is the upper half of an f32, f16 is IEEE 754 binary16.
struct bf16 {
  uint16_t bits;
};
struct f16 {
  uint16_t bits;
};

constexpr size_t SizeOf(DType dtype) { return dtype == DType::kF32 ? 4 : 2; }  // bytes

constexpr std::string_view Name(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return "bf16";
    case DType::kF16:
      return "f16";
    case DType::kF32:
      return "f32";
  }
  return "?";
}

// Widening is exact: every bf16 and f16 value is an f32 value.
constexpr float ToF32(bf16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16); }
constexpr float ToF32(float x) { return x; }
float ToF32(f16 x);

}  // namespace puna
