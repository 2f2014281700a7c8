#include "tests/bench/load/workload.h"

#include <gmock/gmock.h>

namespace puna::bench {
namespace {

using ::testing::ElementsAre;

WorkloadOptions Options() {
  WorkloadOptions options;
  options.model = "m";
  options.prompts = {"one", "two"};
  options.max_tokens = 10;
  return options;
}

nlohmann::json Body(const Workload& workload, int64_t number) {
  return nlohmann::json::parse(workload.Request(number).body);
}

TEST(WorkloadTest, PromptsAreAskedInTurn) {
  const Workload workload(Options());
  EXPECT_EQ(Body(workload, 0)["messages"][0]["content"], "one");
  EXPECT_EQ(Body(workload, 3)["messages"][0]["content"], "two");
  EXPECT_EQ(Body(workload, 0)["max_tokens"], 10);
  EXPECT_EQ(Body(workload, 0)["stream"], true);
}

TEST(WorkloadTest, ExtraMembersGoIntoEveryRequest) {
  WorkloadOptions options = Options();
  options.endpoint = Endpoint::kCompletions;
  options.extra = {{"temperature", 0.5}, {"max_tokens", 3}};
  const Workload workload(options);
  EXPECT_EQ(workload.path(), "/v1/completions");
  EXPECT_EQ(Body(workload, 1)["prompt"], "two");
  EXPECT_EQ(Body(workload, 1)["temperature"], 0.5);
  EXPECT_EQ(Body(workload, 1)["max_tokens"], 3);
}

TEST(WorkloadTest, FreshPromptsShareNoBeginning) {
  WorkloadOptions options = Options();
  options.fresh = true;
  const Workload workload(options);
  EXPECT_NE(Body(workload, 0)["messages"], Body(workload, 2)["messages"]);
}

TEST(WorkloadTest, WhoLeavesAndWhenIsDecidedBySeedAndNumber) {
  WorkloadOptions options = Options();
  options.gone = 0.3;
  const Workload workload(options);
  int leave = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto leaves_after = workload.Request(i).leaves_after;
    EXPECT_EQ(leaves_after, Workload(options).Request(i).leaves_after);
    if (!leaves_after) continue;
    ++leave;
    EXPECT_GE(*leaves_after, 0);
    EXPECT_LT(*leaves_after, 10);
  }
  EXPECT_NEAR(leave, 3000, 200);
  options.gone = 0;
  EXPECT_EQ(Workload(options).Request(1).leaves_after, std::nullopt);
}

TEST(WorkloadTest, PromptFileHasAPromptPerLine) {
  EXPECT_THAT(ParsePrompts("one\n\r\ntwo words\r\nthree"), ElementsAre("one", "two words", "three"));
}

}  // namespace
}  // namespace puna::bench
