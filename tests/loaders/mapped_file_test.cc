#include "loaders/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "loaders/load_error.h"

namespace puna {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class MappedFileTest : public ::testing::Test {
 protected:
  MappedFileTest() {
    std::string pattern = (fs::temp_directory_path() / "puna-mapped-file-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~MappedFileTest() override { fs::remove_all(root_); }

  fs::path Write(const std::string& name, const std::string& text) const {
    std::ofstream(root_ / name, std::ios::binary) << text;
    return root_ / name;
  }

  static void ExpectRefused(const fs::path& path, const std::string& words) {
    EXPECT_THAT([&] { MappedFile file(path); }, ThrowsMessage<LoadError>(HasSubstr(words)));
  }

  fs::path root_;
};

TEST_F(MappedFileTest, BytesAreTheFiles) {
  const MappedFile file(Write("a", std::string("one\0two", 7)));
  EXPECT_EQ(file.text(), std::string_view("one\0two", 7));
  EXPECT_EQ(file.bytes().size(), 7u);
  EXPECT_EQ(file.path(), root_ / "a");
}

TEST_F(MappedFileTest, MovingKeepsTheMapping) {
  MappedFile first(Write("a", "first"));
  const char* data = first.text().data();
  MappedFile second(std::move(first));
  EXPECT_EQ(second.text().data(), data);
  MappedFile third;
  EXPECT_TRUE(third.bytes().empty());
  third = std::move(second);
  EXPECT_EQ(third.text(), "first");
  third = MappedFile(Write("b", "other"));
  EXPECT_EQ(third.text(), "other");
}

TEST_F(MappedFileTest, MappingSurvivesDeletionAndReplacement) {
  const fs::path path = Write("a", "kept");
  const MappedFile file(path);
  fs::rename(Write("b", "new"), path);
  EXPECT_EQ(file.text(), "kept");
}

TEST_F(MappedFileTest, WhatCannotBeMappedIsSaidInWords) {
  ExpectRefused(root_ / "absent", "absent: no such file");
  ExpectRefused(root_, "is a directory, expected a file");
  ExpectRefused(Write("empty", ""), "is empty");
  ExpectRefused(Write("a", "x") / "below", "cannot be opened for reading: Not a directory");
  ExpectRefused("/dev/null", "is not a regular file");
}

TEST_F(MappedFileTest, NamedPipeIsRefusedWithoutWaitingForAWriter) {
  const fs::path pipe = root_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  ExpectRefused(pipe, "is not a regular file");
}

TEST_F(MappedFileTest, UnreadableFileIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "the superuser may read every file";
  const fs::path path = Write("a", "x");
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  ExpectRefused(path, "cannot be opened for reading: Permission denied");
}

}  // namespace
}  // namespace puna
