#include "server/line_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace puna {
namespace {

class LineReaderTest : public testing::Test {
 protected:
  LineReaderTest() { EXPECT_EQ(pipe(ends_), 0); }
  ~LineReaderTest() override {
    close(ends_[0]);
    EndInput();
  }
  void Type(std::string_view text) {
    EXPECT_EQ(write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void EndInput() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

  int ends_[2] = {-1, -1};
  StopSignals signals_;
};

TEST_F(LineReaderTest, LinesComeWithoutTheirEnds) {
  LineReader lines(ends_[0], signals_);
  Type("one\ntwo\r\n\nlast");
  EndInput();
  EXPECT_EQ(lines.Next(), "one");
  EXPECT_EQ(lines.Next(), "two");
  EXPECT_EQ(lines.Next(), "");
  EXPECT_EQ(lines.Next(), "last");
  EXPECT_EQ(lines.Next(), std::nullopt);
  EXPECT_EQ(lines.Next(), std::nullopt);
}

TEST_F(LineReaderTest, ASignalEndsTheWait) {
  LineReader lines(ends_[0], signals_);
  Type("half a li");
  raise(SIGINT);
  EXPECT_EQ(lines.Next(), std::nullopt);
  EXPECT_FALSE(signals_.Take());
}

}  // namespace
}  // namespace puna
