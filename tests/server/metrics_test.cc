#include "server/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "tests/server/api_test_support.h"

namespace puna {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(MetricsTest, EveryFamilyHasOneHelpAndOneTypeAndAConventionalName) {
  ApiBench api;
  api.AnswerCompletion("Hello", " world");
  ASSERT_EQ(api.Post("/v1/completions", json{{"model", "demo"}, {"prompt", "Hello"}}).status, 200);
  const HttpResponse response = api.Get("/metrics");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, kMetricsContentType);
  const std::regex sample(R"((puna_[a-z_]+?)(_bucket|_sum|_count)?(\{[^}]*\})? [0-9.e+-]+)");
  std::set<std::string> helped, typed;
  std::istringstream lines(response.body);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, word, name, type;
    words >> hash >> word >> name >> type;
    if (word == "HELP") {
      EXPECT_TRUE(helped.insert(name).second) << line;
    } else if (word == "TYPE") {
      EXPECT_TRUE(typed.insert(name).second) << line;
      EXPECT_EQ(type == "counter", name.ends_with("_total")) << line;
    } else {
      std::smatch match;
      ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
      EXPECT_TRUE(typed.contains(match[1])) << line;
    }
  }
  EXPECT_EQ(helped, typed);
  EXPECT_EQ(typed.size(), 14u);  // no request has come over HTTP
}

TEST(MetricsTest, TheEnginesNumbersAreThere) {
  EngineStats stats;
  stats.prompt_tokens = 11;
  stats.cached_tokens = 7;
  stats.generated_tokens = 5;
  stats.steps = 3;
  stats.preemptions = 2;
  stats.running = 4;
  stats.waiting = 6;
  stats.kv_blocks_total = 100;
  stats.kv_blocks_free = 50;
  stats.kv_blocks_cached = 20;
  stats.requests_finished[static_cast<size_t>(FinishReason::kDeadline)] = 9;
  stats.rows_per_step.Add(3);
  stats.rows_per_step.Add(1000);
  const std::string text = Metrics().Text(&stats);
  for (const char* line :
       {"puna_prompt_tokens_total 11\n", "puna_cached_tokens_total 7\n", "puna_generated_tokens_total 5\n",
        "puna_steps_total 3\n", "puna_preemptions_total 2\n", "puna_requests_running 4\n",
        "puna_requests_waiting 6\n", "puna_kv_blocks{state=\"free\"} 50\n",
        "puna_kv_blocks{state=\"used\"} 30\n", "puna_kv_blocks{state=\"cached\"} 20\n",
        "puna_answers_finished_total{reason=\"deadline\"} 9\n", "puna_step_rows_count 2\n",
        "puna_step_rows_sum 1003\n", "puna_step_rows_bucket{le=\"2\"} 0\n",
        "puna_step_rows_bucket{le=\"4\"} 1\n", "puna_step_rows_bucket{le=\"+Inf\"} 2\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(MetricsTest, EveryReasonIsThereBeforeItHappens) {
  const std::string text = Metrics().Text(nullptr);
  for (const char* reason : {"client_gone", "client_stalled", "deadline", "shutdown"})
    EXPECT_THAT(text, HasSubstr(std::string("puna_requests_cancelled_total{reason=\"") + reason + "\"} 0\n"));
}

TEST(MetricsTest, WithKeysTheyNeedOne) {
  ApiBench api(512, 64, {"the-key"});
  EXPECT_EQ(api.Get("/metrics").status, 401);
  EXPECT_EQ(api.Get("/metrics", "Bearer the-key").status, 200);
}

}  // namespace
}  // namespace puna
