#include "server/check/value_scan.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/base/check.h"

namespace puna {
namespace {

// A number is NaN or infinite if all bits of its exponent are set, and infinite if its fraction is zero.
template <typename Bits>
struct Format {
  Bits exponent;
  Bits fraction;
};

constexpr Format<uint16_t> kBFloat16{0x7f80, 0x007f};
constexpr Format<uint16_t> kFloat16{0x7c00, 0x03ff};
constexpr Format<uint32_t> kFloat32{0x7f800000, 0x007fffff};

constexpr int64_t kChunk = 1 << 20;  // elements between two reports of progress

// A plain loop that compilers make vectors of: most chunks have nothing bad in them.
template <typename Bits>
int64_t CountBad(const Bits* values, int64_t count, Format<Bits> format) {
  int64_t bad = 0;
  for (int64_t i = 0; i < count; ++i) bad += (values[i] & format.exponent) == format.exponent;
  return bad;
}

template <typename Bits>
BadValues Scan(const TensorView& tensor, Format<Bits> format, Progress& progress) {
  BadValues found;
  std::vector<Bits> chunk(
      static_cast<size_t>(kChunk));  // a copy, as a file's numbers may lie at odd addresses
  const int64_t count = tensor.NumElements();
  for (int64_t begin = 0; begin < count; begin += kChunk) {
    const int64_t n = std::min(kChunk, count - begin);
    const size_t bytes = static_cast<size_t>(n) * sizeof(Bits);
    std::memcpy(chunk.data(), tensor.data + static_cast<size_t>(begin) * sizeof(Bits), bytes);
    if (CountBad(chunk.data(), n, format) > 0) {
      for (int64_t i = 0; i < n; ++i) {
        const Bits value = chunk[static_cast<size_t>(i)];
        if ((value & format.exponent) != format.exponent) continue;
        if (found.first < 0) found.first = begin + i;
        ++((value & format.fraction) == 0 ? found.infinities : found.nans);
      }
    }
    progress.Add(bytes);
  }
  return found;
}

}  // namespace

BadValues ScanValues(const TensorView& tensor, Progress& progress) {
  CHECK(tensor.IsContiguous());
  switch (tensor.dtype) {
    case DType::kBF16:
      return Scan(tensor, kBFloat16, progress);
    case DType::kF16:
      return Scan(tensor, kFloat16, progress);
    case DType::kF32:
      return Scan(tensor, kFloat32, progress);
  }
  CHECK(false) << "dtype " << static_cast<int>(tensor.dtype);
  return {};
}

}  // namespace puna
