#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "server/options.h"

namespace puna {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Table() {
  const char* arguments[] = {"puna", "--help-markdown"};
  try {
    ParseOptions(2, arguments);
  } catch (const TextWanted& wanted) {
    return wanted.text;
  }
  return "";
}

TEST(OptionsTableTest, TheDocumentationHoldsTheTableOfTheSource) {
  std::ifstream file(PUNA_SOURCE_DIR "/docs/configuration.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  // Else: replace everything from its first "## `puna" on by what `puna --help-markdown` writes.
  ASSERT_NE(page.find("## `puna"), std::string::npos);
  EXPECT_EQ(page.substr(page.find("## `puna")), Table());
}

TEST(OptionsTableTest, EachOptionHasItsTwinItsDefaultAndItsMeaning) {
  const std::string table = Table();
  EXPECT_THAT(table,
              HasSubstr("| `--port N` | `PUNA_PORT` | `8080` | Port to listen on; 0 is any free one |\n"));
  EXPECT_THAT(table, HasSubstr("| `--threads N` | `PUNA_THREADS` | the physical cores this process may use | "
                               "Threads for arithmetic |\n"));
  EXPECT_THAT(table, HasSubstr("| `--log-prompts` | `PUNA_LOG_PROMPTS` |"));
  EXPECT_THAT(table, HasSubstr("| `--config FILE` | `PUNA_CONFIG` |"));
  EXPECT_THAT(table, Not(HasSubstr(PUNA_SOURCE_DIR)));
}

}  // namespace
}  // namespace puna
