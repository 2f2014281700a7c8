#include "server/check/value_scan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace puna {
namespace {

// A vector of so many numbers, none of them bad, at an odd address, as in a file.
template <typename Number>
class Numbers {
 public:
  Numbers(DType dtype, int64_t count) : bytes_(static_cast<size_t>(count) * sizeof(Number) + 1) {
    view.dtype = dtype;
    view.shape = {count};
    view.strides = {1};
    view.data = bytes_.data() + 1;
  }
  void Set(int64_t at, Number value) {
    std::memcpy(bytes_.data() + 1 + static_cast<size_t>(at) * sizeof(Number), &value, sizeof value);
  }
  TensorView view;

 private:
  std::vector<std::byte> bytes_;
};

template <typename Number>
BadValues Scan(const Numbers<Number>& numbers) {
  Progress progress(1, {});
  return ScanValues(numbers.view, progress);
}

constexpr int64_t kMany = (1 << 20) + 3;  // more than one piece

TEST(ValueScanTest, Float32) {
  Numbers<float> numbers(DType::kF32, kMany);
  numbers.Set(5, std::numeric_limits<float>::max());
  numbers.Set(6, std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(Scan(numbers).first, -1);
  numbers.Set(kMany - 1, -std::numeric_limits<float>::infinity());
  numbers.Set(kMany - 2, std::nanf(""));
  numbers.Set(7, std::nanf(""));
  const BadValues bad = Scan(numbers);
  EXPECT_EQ(bad.first, 7);
  EXPECT_EQ(bad.nans, 2);
  EXPECT_EQ(bad.infinities, 1);
}

TEST(ValueScanTest, BFloat16) {
  Numbers<uint16_t> numbers(DType::kBF16, 100);
  numbers.Set(1, 0x7f7f);  // the largest
  numbers.Set(2, 0x7c00);  // would be infinite as f16
  EXPECT_EQ(Scan(numbers).first, -1);
  numbers.Set(98, 0x7f80);
  numbers.Set(99, 0xffc0);
  const BadValues bad = Scan(numbers);
  EXPECT_EQ(bad.first, 98);
  EXPECT_EQ(bad.infinities, 1);
  EXPECT_EQ(bad.nans, 1);
}

TEST(ValueScanTest, Float16) {
  Numbers<uint16_t> numbers(DType::kF16, 100);
  numbers.Set(1, 0x7bff);  // the largest
  EXPECT_EQ(Scan(numbers).first, -1);
  numbers.Set(2, 0xfc00);
  numbers.Set(3, 0x7c01);
  const BadValues bad = Scan(numbers);
  EXPECT_EQ(bad.first, 2);
  EXPECT_EQ(bad.infinities, 1);
  EXPECT_EQ(bad.nans, 1);
}

TEST(ValueScanTest, NothingHasNothingBad) { EXPECT_EQ(Scan(Numbers<float>(DType::kF32, 0)).first, -1); }

}  // namespace
}  // namespace puna
