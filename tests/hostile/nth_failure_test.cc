// Loading a model with the n-th allocation refused, and the n-th open, fstat or mmap, for every n until it
// succeeds: an error in one line each time, nothing left behind.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>

#include "server/model_kind.h"
#include "tests/support/tiny_model.h"

namespace {

// Counts down to the call that fails. Off at 0.
struct Countdown {
  int64_t left = 0;
  bool failed = false;

  void Start(int64_t n) {
    left = n;
    failed = false;
  }
  bool FailsNow() {
    if (left == 0 || --left > 0) return false;
    failed = true;
    return true;
  }
};

Countdown allocations, opens, fstats, mmaps;
int64_t live = 0;  // allocations

__attribute__((noinline)) void* Allocate(size_t size) {
  if (allocations.FailsNow()) return nullptr;
  void* memory = std::malloc(size > 0 ? size : 1);
  live += memory != nullptr ? 1 : 0;
  return memory;
}

// Inlined, it looks to g++ like memory of operator new given to free.
__attribute__((noinline)) void Free(void* memory) {
  live -= memory != nullptr ? 1 : 0;
  std::free(memory);
}

}  // namespace

void* operator new(size_t size) {
  void* memory = Allocate(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new[](size_t size) { return operator new(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete[](void* memory) noexcept { Free(memory); }
void operator delete(void* memory, size_t) noexcept { Free(memory); }
void operator delete[](void* memory, size_t) noexcept { Free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { Free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { Free(memory); }

// The linker sends the loader's calls here (--wrap).
extern "C" {
int __real_open(const char* path, int flags, ...);
int __wrap_open(const char* path, int flags, ...) {
  if (opens.FailsNow()) {
    errno = EMFILE;
    return -1;
  }
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return __real_open(path, flags, mode);
}

int __real_fstat(int fd, struct stat* info);
int __wrap_fstat(int fd, struct stat* info) {
  if (fstats.FailsNow()) {
    errno = EIO;
    return -1;
  }
  return __real_fstat(fd, info);
}

void* __real_mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset);
void* __wrap_mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  if (mmaps.FailsNow()) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return __real_mmap(address, size, protection, flags, fd, offset);
}
}

namespace puna {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

int OpenDescriptors() {
  int count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) count += entry.path().empty() ? 0 : 1;
  return count;
}

class NthFailureTest : public testing::TestWithParam<bool> {
 protected:
  NthFailureTest() {
    std::string pattern = (fs::temp_directory_path() / "puna-nth-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    directory_ = root_ / "model";
    test::TinyModel model{.dim = 96, .n_heads = 8, .n_kv_heads = 8};
    model.sentencepiece = GetParam();
    model.shards = GetParam() ? 2 : 1;
    test::WriteTinyModel(directory_, model);
    static_cast<void>(Load());  // what is made once and kept is made now
  }
  ~NthFailureTest() override { fs::remove_all(root_); }

  // "" if it loads, else what the program would say.
  std::string Load() const {
    try {
      const ModelDir dir = OpenModelDir(directory_);
      static_cast<void>(DetectModelKind(dir, *LoadTokenizer(dir), std::nullopt));
      return "";
    } catch (const std::exception& error) {
      return error.what();
    }
  }

  // Fails the first call, the second and so on until none is left to fail; how many there were.
  int64_t FailEach(Countdown& calls) const {
    const int descriptors = OpenDescriptors();
    for (int64_t n = 1;; ++n) {
      SCOPED_TRACE(n);
      const int64_t before = live;
      calls.Start(n);
      {
        const std::string error = Load();
        calls.left = 0;
        if (!calls.failed) {
          EXPECT_EQ(error, "");
          EXPECT_EQ(OpenDescriptors(), descriptors);
          return n - 1;
        }
        EXPECT_NE(error, "");
        EXPECT_THAT(error, Not(HasSubstr("\n")));
        if (&calls != &allocations) {
          EXPECT_THAT(error, HasSubstr(directory_.string()));
        }
      }
      EXPECT_EQ(live, before);
      if (HasFailure()) return n;
    }
  }

  fs::path root_;
  fs::path directory_;
};

TEST_P(NthFailureTest, OfAllocationsIsAnErrorAndLeavesNothingBehind) {
  EXPECT_GT(FailEach(allocations), 100);
}

TEST_P(NthFailureTest, OfOpenIsAnErrorThatNamesTheFile) { EXPECT_EQ(FailEach(opens), GetParam() ? 4 : 3); }
TEST_P(NthFailureTest, OfFstatIsAnErrorThatNamesTheFile) { EXPECT_EQ(FailEach(fstats), GetParam() ? 4 : 3); }
TEST_P(NthFailureTest, OfMmapIsAnErrorThatNamesTheFile) { EXPECT_EQ(FailEach(mmaps), GetParam() ? 4 : 3); }

INSTANTIATE_TEST_SUITE_P(Models, NthFailureTest, testing::Bool(), [](const auto& instance) {
  return instance.param ? "Llama2InTwoShards" : "Llama3";
});

}  // namespace
}  // namespace puna
