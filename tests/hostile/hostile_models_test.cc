// Some 200 kinds of bad model directory, each given to the program itself: exit code 1, one line that names
// the file or the field, in time, in little memory, and nothing of it executed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/hostile/kinds.h"
#include "tests/support/program_run.h"
#include "tests/support/tiny_model.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PUNA_SANITIZED 1
#endif
#endif

namespace puna::test {

void Put(const std::filesystem::path& file, std::string_view bytes) {
  std::filesystem::remove_all(file);
  std::ofstream(file, std::ios::binary) << bytes;
}

std::string Get(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

Kind Content(std::string name, std::string file, std::string bytes, std::string words) {
  return {std::move(name), [file, bytes](const std::filesystem::path& dir) { Put(dir / file, bytes); },
          std::move(words)};
}

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

// What a sanitizer itself needs counts too.
#ifdef PUNA_SANITIZED
constexpr int64_t kMostMemory = INT64_MAX;
#else
constexpr int64_t kMostMemory = int64_t{512} << 20;
#endif

class HostileModelsTest : public testing::Test {
 protected:
  HostileModelsTest() {
    std::string pattern = (fs::temp_directory_path() / "puna-hostile-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~HostileModelsTest() override { fs::remove_all(root_); }

  void Check(const std::vector<Kind>& kinds) {
    std::set<std::string> names;
    for (const Kind& kind : kinds) {
      SCOPED_TRACE(kind.name);
      EXPECT_TRUE(names.insert(kind.name).second);
      const fs::path model = root_ / "model";
      fs::remove_all(model);
      WriteTinyModel(model, {});
      kind.spoil(model);
      const ProgramRun run = RunProgram({PUNA_PROGRAM, "inspect", "--model", model.string()}, root_);
      EXPECT_EQ(run.signal, 0);
      EXPECT_LT(run.peak_bytes, kMostMemory);
      EXPECT_FALSE(fs::exists(root_ / "puna-payload-ran"));
      if (kind.words.empty()) {
        EXPECT_EQ(run.exit_code, 0) << run.err;
        continue;
      }
      EXPECT_EQ(run.exit_code, 1);
      EXPECT_THAT(run.err, StartsWith("puna: "));
      EXPECT_THAT(run.err, HasSubstr(kind.words));
      EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
      EXPECT_TRUE(std::all_of(run.err.begin(), run.err.end(), [](char c) {
        return c == '\n' || (c >= ' ' && c < 0x7f) || (c & 0x80) != 0;
      })) << run.err;
      EXPECT_EQ(run.out, "");
    }
  }

  fs::path root_;
};

TEST_F(HostileModelsTest, DirectoriesThatAreNoneOfMetasAreNamed) { Check(DirectoryKinds()); }
TEST_F(HostileModelsTest, ParamsThatMeanNothingAreNamedByTheirKey) { Check(ParamsKinds()); }
TEST_F(HostileModelsTest, TokenizersThatAreMalformedAreNamedByLineOrField) { Check(TokenizerKinds()); }
TEST_F(HostileModelsTest, ArchivesThatLieAreNamed) { Check(ContainerKinds()); }
TEST_F(HostileModelsTest, TensorsThatDoNotFitAreNamed) { Check(RecordKinds()); }
TEST_F(HostileModelsTest, PicklesThatWantMoreThanTensorsAreRefusedByOpcode) { Check(PickleKinds()); }
TEST_F(HostileModelsTest, WhatIsUnusualButRightIsRead) { Check(ValidKinds()); }

TEST(HostileKindsTest, ThereAreSome200) {
  size_t kinds = 0;
  for (const auto& family :
       {DirectoryKinds(), ParamsKinds(), TokenizerKinds(), ContainerKinds(), RecordKinds(), PickleKinds()}) {
    for (const Kind& kind : family) kinds += kind.words.empty() ? 0 : 1;
  }
  EXPECT_GE(kinds, 200u);
}

}  // namespace
}  // namespace puna::test
