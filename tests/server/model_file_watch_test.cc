#include "server/model_file_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <barrier>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "engine/base/error.h"

namespace puna {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

namespace fs = std::filesystem;

// A copy of the demo model that may be spoiled.
class ModelFileWatchTest : public testing::Test {
 protected:
  ModelFileWatchTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = fs::path(testing::TempDir()) / (std::string("puna_watch_") + test->name());
    fs::remove_all(directory_);
    fs::create_directories(directory_);
    for (const char* name : {"params.json", "tokenizer.model", "consolidated.00.pth"})
      fs::copy_file(fs::path(PUNA_SOURCE_DIR) / "models/demo" / name, directory_ / name);
    dir_ = OpenModelDir(directory_);
  }
  ~ModelFileWatchTest() override { fs::remove_all(directory_); }

  fs::path Checkpoint() const { return directory_ / "consolidated.00.pth"; }

  // As a program that copies over it would.
  void OverwriteInPlace() {
    std::fstream file(Checkpoint(), std::ios::binary | std::ios::in | std::ios::out);
    file.put('x');
  }

  int SumOfWeights() const {
    int sum = 0;
    for (const std::byte b : dir_.files.front().bytes()) sum += static_cast<int>(b);
    return sum;
  }

  fs::path directory_;
  ModelDir dir_;
};

class FakeModel : public LanguageModel {
 public:
  std::span<const float> Forward(const Batch&) override { return logits_; }
  std::span<const float> Hidden() const override { return logits_; }
  int vocab_size() const override { return 1; }
  int hidden_size() const override { return 1; }

 private:
  std::array<float, 1> logits_{};
};

TEST_F(ModelFileWatchTest, WhatIsLeftAloneIsNotReported) {
  const ModelFileWatch watch(dir_);
  EXPECT_EQ(watch.Changed(), std::nullopt);
  FakeModel model;
  EXPECT_EQ(WatchedModel(model, watch).Forward(Batch()).size(), 1u);
}

TEST_F(ModelFileWatchTest, ReplacingByRenamingAndDeletingAreHarmless) {
  const int sum = SumOfWeights();
  const ModelFileWatch watch(dir_);
  std::ofstream(directory_ / "new") << "another file";
  fs::rename(directory_ / "new", Checkpoint());
  EXPECT_EQ(watch.Changed(), std::nullopt);
  fs::remove(Checkpoint());
  EXPECT_EQ(watch.Changed(), std::nullopt);
  EXPECT_EQ(SumOfWeights(), sum);
}

TEST_F(ModelFileWatchTest, AFileThatIsWrittenToIsNamed) {
  const ModelFileWatch watch(dir_);
  OverwriteInPlace();
  ASSERT_NE(watch.Changed(), std::nullopt);
  EXPECT_THAT(*watch.Changed(), HasSubstr("consolidated.00.pth: was written to while in use"));
}

TEST_F(ModelFileWatchTest, WhatWasComputedMeanwhileIsNotReturned) {
  const auto compute = [this] {
    const ModelFileWatch watch(dir_);
    FakeModel model;
    WatchedModel watched(model, watch);
    OverwriteInPlace();
    watched.Forward(Batch());
    _exit(0);
  };
  EXPECT_EXIT(compute(), testing::ExitedWithCode(kExitModelFileChanged),
              ContainsRegex("^puna: .*consolidated.00.pth: was written to"));
}

TEST_F(ModelFileWatchTest, PagesThatAreGoneEndTheProcessWithASentence) {
  const auto touch = [this] {
    const ModelFileWatch watch(dir_);
    fs::resize_file(Checkpoint(), 4096);
    volatile int sum = 0;  // so that it is computed
    std::thread([this, &sum] { sum = SumOfWeights(); }).join();
    _exit(0);
  };
  EXPECT_EXIT(touch(), testing::ExitedWithCode(kExitModelFileChanged),
              ContainsRegex("^puna: .*consolidated.00.pth: cannot be read any more where it was mapped"));
}

TEST_F(ModelFileWatchTest, ThreadsThatMissPagesAtTheSameTimeSayOneSentence) {
  const auto touch = [this] {
    const ModelFileWatch watch(dir_);
    fs::resize_file(Checkpoint(), 4096);
    std::barrier together(8);
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        together.arrive_and_wait();
        volatile std::byte last = dir_.files.front().bytes().back();
        static_cast<void>(last);
      });
    }
    for (std::thread& thread : threads) thread.join();
    _exit(0);
  };
  for (int run = 0; run < 20; ++run) {
    EXPECT_EXIT(touch(), testing::ExitedWithCode(kExitModelFileChanged),
                testing::MatchesRegex("puna: [^\n]*consolidated.00.pth: cannot be read any more [^\n]*\n"));
    fs::copy_file(fs::path(PUNA_SOURCE_DIR) / "models/demo/consolidated.00.pth", Checkpoint(),
                  fs::copy_options::overwrite_existing);
  }
}

TEST_F(ModelFileWatchTest, AFileThatIsNotWhatWasMappedIsRefused) {
  fs::resize_file(Checkpoint(), 4096);
  EXPECT_THROW(ModelFileWatch watch(dir_), Error);
  // And nothing is left behind.
  EXPECT_THROW(ModelFileWatch watch(dir_), Error);
}

}  // namespace
}  // namespace puna
