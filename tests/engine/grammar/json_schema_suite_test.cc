// The official test suite of JSON Schema, from Debian's package json-schema-test-suite: draft 7.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/engine/grammar/grammar_test_support.h"
#include "tests/engine/grammar/json_forms.h"

namespace puna {
namespace {

using nlohmann::ordered_json;
using testing::ElementsAre;

struct Group {
  std::string name;
  std::string schema;
  std::vector<nlohmann::json> tests;
};

std::vector<Group> GroupsOf(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::ranges::sort(files);
  std::vector<Group> groups;
  for (const auto& file : files) {
    std::ifstream in(file);
    for (const ordered_json& group : ordered_json::parse(in)) {
      std::vector<nlohmann::json> tests;
      for (const ordered_json& test : group["tests"]) tests.push_back(nlohmann::json::parse(test.dump()));
      groups.push_back({file.stem().string() + ": " + group["description"].get<std::string>(),
                        group["schema"].dump(), std::move(tests)});
    }
  }
  return groups;
}

// What the groups of a folder say, and how many were taken.
struct Outcome {
  int taken = 0;
  int documents = 0;
  std::set<std::string> refused;  // the keywords that refusals name
};

std::string KeywordOf(const std::string& path) {
  const size_t dot = path.rfind('.');
  const std::string last = dot == std::string::npos ? path : path.substr(dot + 1);
  return last.substr(0, last.find('['));
}

Outcome Judge(const std::filesystem::path& folder, const std::vector<std::string>& narrower) {
  Outcome outcome;
  for (const Group& group : GroupsOf(folder)) {
    SCOPED_TRACE(group.name + "\n" + group.schema);
    std::shared_ptr<TokenConstraint> constraint;
    try {
      constraint = SchemaConstraint(group.schema);
    } catch (const GrammarError& error) {
      const bool unsatisfiable = std::string_view(error.what()) == "nothing satisfies it";
      if (!unsatisfiable) outcome.refused.insert(KeywordOf(error.path()));
      for (const auto& test : group.tests)
        EXPECT_FALSE(unsatisfiable && test["valid"].get<bool>()) << test["data"].dump();
      continue;
    }
    ++outcome.taken;
    for (const auto& test : group.tests) {
      const std::string name = group.name + ": " + test["description"].get<std::string>();
      const bool allowed = std::ranges::any_of(
          JsonForms(test["data"]), [&](const std::string& text) { return constraint->Matches(text); });
      ++outcome.documents;
      if (!test["valid"].get<bool>()) {
        EXPECT_FALSE(allowed) << name << ": " << test["data"].dump();
      } else if (std::ranges::find(narrower, name) == narrower.end()) {
        EXPECT_TRUE(allowed) << name << ": " << test["data"].dump();
      } else {
        EXPECT_FALSE(allowed) << name << " is allowed now: take it from the list";
      }
    }
  }
  return outcome;
}

TEST(JsonSchemaSuiteTest, WhatItCallsValidIsAllowedAndWhatItCallsInvalidIsNot) {
  // Since draft 2019-09 what stands beside $ref holds too, and so it does here.
  const Outcome outcome = Judge(PUNA_JSON_SCHEMA_SUITE "/draft7",
                                {"ref: ref overrides any sibling keywords: ref valid, maxItems ignored"});
  EXPECT_GE(outcome.taken, 65);
  EXPECT_GE(outcome.documents, 244);
  // References: those to other documents or by "$id". oneOf: where two alternatives may hold at once.
  EXPECT_THAT(outcome.refused,
              ElementsAre("$ref", "additionalItems", "contains", "dependencies", "else", "if", "multipleOf",
                          "not", "oneOf", "patternProperties", "then", "uniqueItems"));
}

TEST(JsonSchemaSuiteTest, FormatsAllowNothingElse) {
  // Formats have one spelling, and URIs a host.
  const Outcome outcome =
      Judge(PUNA_JSON_SCHEMA_SUITE "/draft7/optional/format",
            {"date-time: validation of date-time strings: case-insensitive T and Z",
             "uri: validation of URIs: a valid URL with many special characters",
             "uri: validation of URIs: a valid URL ", "uri: validation of URIs: a valid mailto URI",
             "uri: validation of URIs: a valid newsgroup URI", "uri: validation of URIs: a valid tel URI",
             "uri: validation of URIs: a valid URN"});
  EXPECT_GE(outcome.taken, 9);
  EXPECT_GE(outcome.documents, 82);
  EXPECT_THAT(outcome.refused, ElementsAre("format"));
}

}  // namespace
}  // namespace puna
