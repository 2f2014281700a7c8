// Every input that a fuzzer has found worth keeping runs again in the ordinary test build.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>

#include "loaders/byte_reader.h"
#include "tests/fuzz/fuzz_targets.h"

namespace puna::fuzz {

// GoogleTest names cases by this; by default it would print the bytes of the struct, addresses among them.
static void PrintTo(const Target& target, std::ostream* out) { *out << target.name; }

namespace {

namespace fs = std::filesystem;

class CorpusReplayTest : public ::testing::TestWithParam<Target> {};

TEST_P(CorpusReplayTest, EveryKeptInputIsSurvived) {
  const Target& target = GetParam();
  const fs::path folder = fs::path(PUNA_SOURCE_DIR) / "tests/fuzz/corpus" / target.name;
  int inputs = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().filename().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    target.run(AsBytes(bytes));
    ++inputs;
  }
  EXPECT_GT(inputs, 0) << folder;
}

INSTANTIATE_TEST_SUITE_P(Loaders, CorpusReplayTest,
                         ::testing::ValuesIn(LoaderTargets().begin(), LoaderTargets().end()),
                         [](const auto& kind) { return std::string(kind.param.name); });
INSTANTIATE_TEST_SUITE_P(Tokenizers, CorpusReplayTest,
                         ::testing::ValuesIn(TokenizerTargets().begin(), TokenizerTargets().end()),
                         [](const auto& kind) { return std::string(kind.param.name); });
INSTANTIATE_TEST_SUITE_P(Requests, CorpusReplayTest,
                         ::testing::ValuesIn(RequestTargets().begin(), RequestTargets().end()),
                         [](const auto& kind) { return std::string(kind.param.name); });
INSTANTIATE_TEST_SUITE_P(Grammars, CorpusReplayTest,
                         ::testing::ValuesIn(GrammarTargets().begin(), GrammarTargets().end()),
                         [](const auto& kind) { return std::string(kind.param.name); });
INSTANTIATE_TEST_SUITE_P(Http, CorpusReplayTest,
                         ::testing::ValuesIn(HttpTargets().begin(), HttpTargets().end()),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace puna::fuzz
