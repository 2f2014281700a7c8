#include "engine/base/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "engine/base/error.h"

namespace puna {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

TEST(AlignedBufferTest, IsAlignedAndZeroAtEverySize) {
  for (const size_t bytes :
       {size_t{1}, size_t{63}, size_t{64}, size_t{1000}, 4 * kMiB - 1, 4 * kMiB, 9 * kMiB + 5}) {
    AlignedBuffer buffer(bytes, "test");
    ASSERT_EQ(buffer.size(), bytes);
    const size_t alignment = bytes < 4 * kMiB ? 64 : 2 * kMiB;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % alignment, 0u) << bytes;
    EXPECT_TRUE(
        std::all_of(buffer.data(), buffer.data() + bytes, [](std::byte b) { return b == std::byte{0}; }));
    std::fill(buffer.data(), buffer.data() + bytes, std::byte{1});  // all of it can be written
  }
}

TEST(AlignedBufferTest, GrowsButNeverShrinks) {
  AlignedBuffer buffer;
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_EQ(buffer.data(), nullptr);
  buffer.Grow(100, "test");
  buffer.data()[0] = std::byte{7};
  std::byte* const before = buffer.data();
  buffer.Grow(50, "test");
  EXPECT_EQ(buffer.size(), 100u);
  EXPECT_EQ(buffer.data(), before);
  EXPECT_EQ(buffer.data()[0], std::byte{7});
  buffer.Grow(5 * kMiB, "test");
  EXPECT_EQ(buffer.size(), 5 * kMiB);
  EXPECT_EQ(buffer.data()[0], std::byte{0});
}

TEST(AlignedBufferTest, MovedFromIsEmpty) {
  AlignedBuffer a(5 * kMiB, "test");
  std::byte* const data = a.data();
  AlignedBuffer b(std::move(a));
  EXPECT_EQ(a.size(), 0u);  // NOLINT(bugprone-use-after-move): this is the promise
  EXPECT_EQ(a.data(), nullptr);
  EXPECT_EQ(b.data(), data);
  AlignedBuffer c(10, "test");
  c = std::move(b);
  EXPECT_EQ(c.data(), data);
  EXPECT_EQ(c.size(), 5 * kMiB);
}

TEST(AlignedBufferTest, SaysWhatCouldNotBeAllocated) {
  AlignedBuffer buffer(10, "test");
  for (const size_t bytes : {SIZE_MAX, SIZE_MAX / 2}) {
    try {
      buffer.Grow(bytes, "KV cache");
      FAIL() << "allocated " << bytes << " bytes";
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), "cannot allocate " + std::to_string(bytes) + " bytes for KV cache");
    }
    EXPECT_EQ(buffer.size(), 10u);
  }
}

}  // namespace
}  // namespace puna
