#include "tests/bench/load/report.h"

#include <gmock/gmock.h>

#include <regex>

#include "tests/bench/load/latency_plot.h"
#include "tests/bench/load/percentiles.h"

namespace puna::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

LoadResult Result(int clients, int64_t tokens, std::vector<double> first, std::vector<double> gaps) {
  LoadResult result;
  result.clients = clients;
  result.seconds = 2;
  result.completed = static_cast<int64_t>(first.size());
  result.tokens = tokens;
  result.first_ms = std::move(first);
  result.gaps_ms = std::move(gaps);
  return result;
}

TEST(PercentilesTest, PercentileIsTheNearestRank) {
  std::vector<double> values;
  for (int i = 1000; i >= 1; --i) values.push_back(i);
  const Percentiles percentiles(values);
  EXPECT_EQ(percentiles.At(50), 500);
  EXPECT_EQ(percentiles.At(99), 990);
  EXPECT_EQ(percentiles.At(99.9), 999);
  EXPECT_EQ(percentiles.Max(), 1000);
  EXPECT_EQ(percentiles.At(0.01), 1);
}

TEST(PercentilesTest, OneValueIsEveryPercentileAndNoneIsZero) {
  EXPECT_EQ(Percentiles({7}).At(1), 7);
  EXPECT_EQ(Percentiles({7}).At(99), 7);
  EXPECT_EQ(Percentiles({}).At(50), 0);
}

TEST(ReportTest, RatioIsThroughputAgainstTheFirstRun) {
  const std::vector<LoadResult> results = {Result(1, 100, {3}, {1, 2}), Result(8, 550, {4}, {2, 9})};
  const auto json = ReportJson(results);
  EXPECT_EQ(json[0]["ratio"], 1.0);
  EXPECT_EQ(json[1]["ratio"], 5.5);
  EXPECT_EQ(json[1]["tokens_per_second"], 275.0);
  EXPECT_EQ(json[1]["between_tokens_ms"]["p50"], 2.0);
  EXPECT_EQ(json[1]["between_tokens_ms"]["max"], 9.0);
  EXPECT_THAT(Table(results), HasSubstr("  5.50 "));
}

TEST(ReportTest, RunWithoutAnAnswerIsReportedAndNamesWhatFailed) {
  LoadResult nothing = Result(8, 0, {}, {});
  nothing.failed["429 busy"] = 3;
  const std::string table = Table(std::vector{nothing});
  EXPECT_THAT(table, HasSubstr("8 clients: 3 times 429 busy"));
  EXPECT_THAT(table, Not(HasSubstr("nan")));
  EXPECT_EQ(ReportJson(std::vector{nothing})[0]["failed"]["429 busy"], 3);
}

TEST(LatencyPlotTest, EachRunIsALineInBothPanels) {
  const std::string svg =
      LatencyPlot(std::vector{Result(1, 1, {3, 5}, {1, 2}), Result(8, 1, {40, 50}, {0, 900})});
  const std::regex line("<polyline ");
  EXPECT_EQ(std::distance(std::sregex_iterator(svg.begin(), svg.end(), line), std::sregex_iterator()), 4);
  EXPECT_THAT(svg, HasSubstr(">1 client<"));
  EXPECT_THAT(svg, HasSubstr(">8 clients<"));
  EXPECT_THAT(svg, HasSubstr(">1000</text>"));  // the decade above 900 ms
}

TEST(LatencyPlotTest, PointsStayInsideThePicture) {
  for (const std::vector<double>& gaps : {std::vector<double>{}, std::vector<double>{0, 0},
                                          std::vector<double>{1e-5, 1e5}, std::vector<double>{10}}) {
    const std::string svg = LatencyPlot(std::vector{Result(1, 1, gaps, gaps)});
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
    EXPECT_THAT(svg, Not(HasSubstr("inf")));
    const std::regex point("([-0-9.]+),([-0-9.]+)");
    for (std::sregex_iterator it(svg.begin(), svg.end(), point), end; it != end; ++it) {
      EXPECT_GE(std::stod((*it)[1]), 0);
      EXPECT_LE(std::stod((*it)[1]), 300);
      EXPECT_GE(std::stod((*it)[2]), 0);
      EXPECT_LE(std::stod((*it)[2]), 200);
    }
  }
}

}  // namespace
}  // namespace puna::bench
