#include "loaders/weight_residence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "loaders/load_error.h"

namespace puna {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr size_t kSize = (size_t{67} << 20) + 123;  // two steps, and not a whole page

class WeightResidenceTest : public ::testing::Test {
 protected:
  WeightResidenceTest() {
    std::string pattern = (fs::temp_directory_path() / "puna-residence-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    std::minstd_rand random(1);
    content_.resize(kSize);
    std::ranges::generate(content_, [&] { return static_cast<char>(random()); });
    std::ofstream(root_ / "weights", std::ios::binary) << content_;
  }
  ~WeightResidenceTest() override { fs::remove_all(root_); }

  fs::path root_;
  std::string content_;
};

TEST_F(WeightResidenceTest, PreloadedFileIsAllInMemoryAndProgressEndsWithIt) {
  const MappedFile file(root_ / "weights");
  std::vector<size_t> seen;
  Preload(file, [&](size_t done) { seen.push_back(done); });
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen.back(), kSize);
  std::vector<unsigned char> pages((kSize + 4095) / 4096);
  ASSERT_EQ(::mincore(const_cast<std::byte*>(file.bytes().data()), kSize, pages.data()), 0);
  EXPECT_TRUE(std::ranges::all_of(pages, [](unsigned char page) { return (page & 1) != 0; }));
}

TEST_F(WeightResidenceTest, CopyHasTheSameBytesAtTheSameAddressWhateverHappensToTheFile) {
  const MappedFile file(root_ / "weights");
  const std::string_view before = file.text();
  size_t last = 0;
  CopyIntoMemory(file, 0, [&](size_t done) { last = done; });
  EXPECT_EQ(last, kSize);
  fs::resize_file(root_ / "weights", 0);
  EXPECT_EQ(file.text().data(), before.data());
  EXPECT_TRUE(before == content_);
}

TEST_F(WeightResidenceTest, CopyThatMemoryDoesNotHoldIsRefusedWithTheNumbers) {
  const MappedFile file(root_ / "weights");
  EXPECT_THAT([&] { CopyIntoMemory(file, kSize - 1, nullptr); },
              ThrowsMessage<LoadError>(HasSubstr("needs 70254715 bytes, 70254714 are free")));
  EXPECT_TRUE(file.text() == content_);
}

TEST_F(WeightResidenceTest, LockThatIsNotAllowedSaysWhatTheLimitIs) {
  const MappedFile file(root_ / "weights");
  // In a process of its own, as limits and users cannot be taken back.
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const struct rlimit none { 0, 0 };
    ::setrlimit(RLIMIT_MEMLOCK, &none);
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(3);
    try {
      LockInMemory(file);
      ::_exit(2);
    } catch (const LoadError& error) {
      const std::string what = error.what();
      ::_exit(what.find("the limit is 0 bytes (ulimit -l)") != std::string::npos ? 0 : 1);
    }
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace puna
