#include "server/program_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "engine/base/error.h"

namespace puna {
namespace {

using testing::HasSubstr;
using testing::Not;

class ProgramLogTest : public testing::Test {
 protected:
  ProgramLogTest() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read_ = ends[0];
    write_ = ends[1];
  }
  ~ProgramLogTest() override {
    if (read_ >= 0) close(read_);
    if (write_ >= 0) close(write_);
  }

  // Nobody reads, and nothing more goes in.
  void Fill() {
    const int flags = fcntl(write_, F_GETFL);
    fcntl(write_, F_SETFL, flags | O_NONBLOCK);
    for (const size_t size : {size_t{4096}, size_t{1}}) {
      const std::string filler(size, '.');
      while (write(write_, filler.data(), filler.size()) > 0) {
      }
    }
    fcntl(write_, F_SETFL, flags);
  }

  // Closes our writing end and reads to the end of the pipe.
  std::string ReadAll() {
    close(write_);
    write_ = -1;
    std::string all;
    char buffer[4096];
    for (ssize_t count; (count = read(read_, buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<size_t>(count));
    return all;
  }

  int read_ = -1;
  int write_ = -1;
};

TEST_F(ProgramLogTest, EveryLineIsThereAtTheEnd) {
  {
    const ProgramLog log("info", write_);
    for (int i = 0; i < 100; ++i) spdlog::info("line {}", i);
    spdlog::debug("too fine");
  }
  const std::string text = ReadAll();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 100);
  EXPECT_THAT(text, HasSubstr("[info] line 0\n"));
  EXPECT_THAT(text, HasSubstr("[info] line 99\n"));
  EXPECT_THAT(text, Not(HasSubstr("too fine")));
}

std::string TextOf(const std::filesystem::path& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

TEST_F(ProgramLogTest, AFileThatWasMovedAwayIsOpenedAnew) {
  const std::filesystem::path file =
      std::filesystem::path(testing::TempDir()) / ("puna_log_" + std::to_string(getpid()));
  const std::filesystem::path moved = file.string() + ".1";
  std::ofstream(file) << "from before\n";
  {
    ProgramLog log("info", file);
    spdlog::info("first");
    // The thread that writes opens the file: once the line is there, it has it.
    while (TextOf(file).find("first") == std::string::npos) std::this_thread::yield();
    std::filesystem::rename(file, moved);
    log.Reopen();
    spdlog::info("second");
  }
  EXPECT_THAT(TextOf(moved), HasSubstr("from before\n"));
  EXPECT_THAT(TextOf(moved), HasSubstr("first\n"));
  EXPECT_THAT(TextOf(moved), Not(HasSubstr("second")));
  EXPECT_THAT(TextOf(file), HasSubstr("second\n"));
  std::filesystem::remove(file);
  std::filesystem::remove(moved);
}

TEST_F(ProgramLogTest, AFileThatCannotBeOpenedIsAnError) {
  EXPECT_THROW(ProgramLog("info", std::filesystem::path("/does/not/exist")), Error);
}

TEST_F(ProgramLogTest, ALineLongerThanThePipeArrivesWhole) {
  const std::string longest(200'000, 'x');
  std::string text;
  std::thread reader;
  {
    const ProgramLog log("info", write_);
    spdlog::info("{}", longest);
    reader = std::thread([&] {
      char buffer[4096];
      while (text.find('\n') == std::string::npos) {
        const ssize_t count = read(read_, buffer, sizeof buffer);
        if (count <= 0) return;
        text.append(buffer, static_cast<size_t>(count));
      }
    });
    reader.join();
  }
  EXPECT_THAT(text, HasSubstr(longest + "\n"));
}

TEST_F(ProgramLogTest, AReaderThatDoesNotReadHoldsUpNeitherWhoLogsNorTheEnd) {
  Fill();
  {
    const ProgramLog log("info", write_);
    for (int i = 0; i < 20'000; ++i) spdlog::info("line {}", i);
  }
  EXPECT_THAT(ReadAll(), Not(HasSubstr("line")));
}

TEST_F(ProgramLogTest, AReaderThatComesBackGetsTheNewestLines) {
  Fill();
  std::string text;
  {
    const ProgramLog log("info", write_);
    for (int i = 0; i < 20'000; ++i) spdlog::info("line {}", i);
    char buffer[4096];
    while (text.find("line 19999\n") == std::string::npos) {
      const ssize_t count = read(read_, buffer, sizeof buffer);
      ASSERT_GT(count, 0);
      text.append(buffer, static_cast<size_t>(count));
    }
  }
  EXPECT_THAT(text, Not(HasSubstr("line 10000\n"))) << "beyond the queue the oldest are lost";
}

TEST_F(ProgramLogTest, AReaderThatHasGoneIsNoReasonToEnd) {
  signal(SIGPIPE, SIG_IGN);  // as StopSignals does
  close(read_);
  {
    const ProgramLog log("info", write_);
    spdlog::info("line");
  }
  read_ = -1;
}

}  // namespace
}  // namespace puna
