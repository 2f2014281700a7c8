#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "tests/engine/grammar/grammar_test_support.h"

namespace puna {
namespace {

void CheckNumbers(const std::string& limits, double low, double high, bool low_in, bool high_in) {
  const auto numbers = SchemaConstraint(R"({"type":"number",)" + limits + "}");
  const auto integers = SchemaConstraint(R"({"type":"integer",)" + limits + "}");
  for (int i = -40'000; i <= 40'000; i += i % 1000 == 0 ? 1 : 7) {
    for (const char* form : {"%.0f", "%.1f", "%.2f", "%.3f"}) {
      char text[40];
      std::snprintf(text, sizeof(text), form, i / 100.0);
      const double value = std::strtod(text, nullptr);
      if (std::string_view(text).starts_with("-0") && value == 0) continue;  // zero has no sign here
      const bool within = (low_in ? value >= low : value > low) && (high_in ? value <= high : value < high);
      ASSERT_EQ(numbers->Matches(text), within) << limits << " " << text;
      ASSERT_EQ(integers->Matches(text), within && std::string_view(text).find('.') == std::string_view::npos)
          << limits << " " << text;
    }
  }
}

TEST(JsonNumbersTest, BoundsHoldForEveryNumberAroundThem) {
  const double inf = HUGE_VAL;
  CheckNumbers(R"("minimum":0)", 0, inf, true, false);
  CheckNumbers(R"("exclusiveMinimum":0)", 0, inf, false, false);
  CheckNumbers(R"("maximum":0)", -inf, 0, false, true);
  CheckNumbers(R"("exclusiveMaximum":0)", -inf, 0, false, false);
  CheckNumbers(R"("minimum":3,"maximum":120)", 3, 120, true, true);
  CheckNumbers(R"("minimum":-7,"maximum":7)", -7, 7, true, true);
  CheckNumbers(R"("exclusiveMinimum":-120,"exclusiveMaximum":-3)", -120, -3, false, false);
  CheckNumbers(R"("minimum":0.5,"maximum":12.25)", 0.5, 12.25, true, true);
  CheckNumbers(R"("exclusiveMinimum":0.5,"exclusiveMaximum":12.25)", 0.5, 12.25, false, false);
  CheckNumbers(R"("minimum":-1.75,"exclusiveMaximum":100)", -1.75, 100, true, false);
  CheckNumbers(R"("minimum":99.99,"maximum":1e2)", 99.99, 100, true, true);
  CheckNumbers(R"("minimum":2,"exclusiveMinimum":2,"maximum":9,"exclusiveMaximum":30)", 2, 9, false, true);
  CheckNumbers(R"("minimum":-1e30,"maximum":1e30)", -inf, inf, true, true);
}

TEST(JsonNumbersTest, MultiplesAreWholeNumbersWithoutRemainder) {
  for (const int of : {1, 2, 3, 7, 25, 360}) {
    const auto multiples =
        SchemaConstraint(R"({"type":"number","multipleOf":)" + std::to_string(of) + R"(,"minimum":-100})");
    for (int i = -150; i <= 3000; ++i)
      ASSERT_EQ(multiples->Matches(std::to_string(i)), i >= -100 && i % of == 0) << i << " of " << of;
  }
}

TEST(JsonNumbersTest, BoundsThatDoublesCannotTellApartAreRefused) {
  EXPECT_THAT(RefusalOf(R"({"type":"number","minimum":0.30000000000000004})"), testing::HasSubstr("digits"));
  EXPECT_THAT(RefusalOf(R"({"type":"number","minimum":1e40})"), testing::HasSubstr("digits"));
  EXPECT_THAT(RefusalOf(R"({"type":"integer","minimum":5,"maximum":4})"),
              testing::HasSubstr("nothing satisfies"));
  EXPECT_THAT(RefusalOf(R"({"type":"integer","exclusiveMinimum":4,"exclusiveMaximum":5})"),
              testing::HasSubstr("nothing satisfies"));
}

void CheckFormat(std::string_view format, std::vector<std::string_view> valid,
                 std::vector<std::string_view> invalid) {
  const auto constraint = SchemaConstraint(R"({"type":"string","format":")" + std::string(format) + "\"}");
  const auto quoted = [](std::string_view text) { return "\"" + std::string(text) + "\""; };
  for (const auto text : valid) EXPECT_TRUE(constraint->Matches(quoted(text))) << format << " " << text;
  for (const auto text : invalid) EXPECT_FALSE(constraint->Matches(quoted(text))) << format << " " << text;
}

TEST(JsonStringsTest, LengthsCountCharacters) {
  const auto constraint = SchemaConstraint(R"({"type":"string","minLength":2,"maxLength":3})");
  for (const char* text : {"\"ab\"", "\"abc\"", "\"\xC3\xA4\xF0\x9F\x90\xB6\"", "\"\\n\\u00e4x\""})
    EXPECT_TRUE(constraint->Matches(text)) << text;
  for (const char* text : {"\"\"", "\"a\"", "\"abcd\"", "\"\xF0\x9F\x90\xB6\""})
    EXPECT_FALSE(constraint->Matches(text)) << text;
  EXPECT_TRUE(Allows(R"({"type":"string","maxLength":100000})", "\"" + std::string(5000, 'x') + "\""));
  EXPECT_THAT(RefusalOf(R"({"type":"string","minLength":3,"maxLength":2})"),
              testing::HasSubstr("nothing satisfies"));
}

TEST(JsonStringsTest, PatternsAreSearchedForAndEscapedAsJson) {
  const auto word = SchemaConstraint(R"({"type":"string","pattern":"^[a-z\"]+$"})");
  EXPECT_TRUE(word->Matches("\"ab\\\"c\""));
  EXPECT_FALSE(word->Matches("\"aB\""));
  EXPECT_TRUE(Allows(R"({"type":"string","pattern":"b"})", "\"abc\""));
  EXPECT_FALSE(Allows(R"({"type":"string","pattern":"b"})", "\"axc\""));
}

TEST(JsonStringsTest, FormatsAllowWhatIsRightAndNothingElse) {
  CheckFormat("date", {"2024-02-29", "2000-02-29", "1999-12-31"},
              {"2023-02-29", "1900-02-29", "2024-04-31", "2024-13-01", "24-01-01"});
  CheckFormat("time", {"23:59:59Z", "00:00:00.123+01:30"}, {"24:00:00Z", "12:00:00", "12:60:00Z"});
  CheckFormat("date-time", {"2024-05-06T07:08:09Z"}, {"2024-05-06", "2024-05-06 07:08:09Z"});
  CheckFormat("duration", {"P1Y2M3D", "PT5S", "P2W", "P1DT2H3M"}, {"P", "PT", "P1S", "1D"});
  CheckFormat("email", {"a.b+c@example.org"}, {"a@b", "@example.org", "a..b@example.org", "a b@example.org"});
  CheckFormat("hostname", {"example.org", "localhost", "a-b.c"}, {"-a.org", "a..b", ""});
  CheckFormat("ipv4", {"127.0.0.1", "255.255.255.255"}, {"256.0.0.1", "1.2.3", "01.2.3.4"});
  CheckFormat("ipv6", {"::", "::1", "2001:db8::ff00:42:8329", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::"},
              {"1:2:3:4:5:6:7:8:9", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7:8::"});
  CheckFormat("uuid", {"123e4567-e89b-12d3-a456-426614174000"}, {"123e4567e89b12d3a456426614174000"});
  CheckFormat("uri", {"https://example.org/a%20b?c=d#e", "ftp://x"},
              {"example.org", "http://", "http://a b"});
  CheckFormat("json-pointer", {"", "/a/b~1c", "/"}, {"a", "/~2"});
}

}  // namespace
}  // namespace puna
