#include "engine/ops/instruction_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/error.h"

namespace puna {
namespace {

TEST(InstructionSetTest, AnyAvailableOneCanBeForcedByName) {
  CheckInstructionSet();
  ASSERT_FALSE(AvailableInstructionSets().empty());
  for (const std::string& name : AvailableInstructionSets()) {
    UseInstructionSet(name);
    EXPECT_EQ(InstructionSet(), name);
  }
  UseInstructionSet("");
  EXPECT_EQ(InstructionSet(), AvailableInstructionSets().front());
}

TEST(InstructionSetTest, AnUnknownNameIsRefusedAndChangesNothing) {
  const std::string before(InstructionSet());
  try {
    UseInstructionSet("sse2\n");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("\"sse2\\x0A\" is not available"));
    for (const std::string& name : AvailableInstructionSets())
      EXPECT_THAT(error.what(), ::testing::HasSubstr(name));
  }
  EXPECT_EQ(InstructionSet(), before);
}

}  // namespace
}  // namespace puna
