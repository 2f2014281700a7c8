#include "engine/grammar/json_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/engine/grammar/grammar_test_support.h"

namespace puna {
namespace {

struct Case {
  std::string_view schema;
  std::vector<std::string_view> valid;
  std::vector<std::string_view> invalid;
  SchemaOptions options = {};
};

void Check(const Case& c) {
  const auto constraint = SchemaConstraint(c.schema, c.options);
  for (const std::string_view document : c.valid)
    EXPECT_TRUE(constraint->Matches(document)) << c.schema << " allows " << document;
  for (const std::string_view document : c.invalid)
    EXPECT_FALSE(constraint->Matches(document)) << c.schema << " does not allow " << document;
}

TEST(JsonSchemaTest, TrueAllowsEveryDocumentAndFalseIsRefused) {
  Check({"true",
         {"null", "[]", "[1,\"a\",{}]", "{\"a\":{\"b\":[true,false]}}", "-1.5e3", "\"\\u00e4\\n\"", "[ ]",
          "{\n}"},
         {"", "nul", "[1,]", "{\"a\"}", "01", "+1", "1.", "'a'", "\"\n\"", "\"\\x\"", "[1]]", "\"\\ud800\"",
          " 1", "1 "}});
  Check({"{}", {"1", "{\"a\":null}"}, {"a"}});
  EXPECT_THAT(RefusalOf("false"), testing::HasSubstr("nothing satisfies it"));
}

TEST(JsonSchemaTest, BlanksAreWhereTheyUsuallyAreAndNowhereElse) {
  Check(
      {R"({"type":"object","properties":{"a":{"type":"array"}},"required":["a"],"additionalProperties":false})",
       {"{\"a\":[]}", "{\"a\": []}", "{ \"a\": [ ] }", "{\n  \"a\": [\n    1,\n    2\n  ]\n}",
        "{\"a\":[1, 2,\n\t3]}"},
       {"{\"a\" :[]}", "{\"a\":[1 ,2]}", "{\"a\":  []}", "{\n\n\"a\":[]}"}});
}

TEST(JsonSchemaTest, TypesAloneAndSeveral) {
  Check({R"({"type":"null"})", {"null"}, {"0", "\"null\""}});
  Check({R"({"type":"boolean"})", {"true", "false"}, {"null", "1"}});
  Check({R"({"type":"integer"})",
         {"0", "-7", "123456789012345678"},
         {"1.0", "1e3", "-", "00", "1234567890123456789"}});
  Check({R"({"type":"number"})", {"0", "-0.5", "1e280", "1E-7", "2.25e+10"}, {"1e999", ".5", "1.", "NaN"}});
  Check({R"({"type":"string"})", {"\"\"", "\"\xC3\xA4\""}, {"\"\xC3\"", "\"\xFF\"", "x"}});
  Check({R"({"type":["string","null"]})", {"null", "\"x\""}, {"1"}});
  Check({R"({"type":["integer","number"]})", {"1", "1.5"}, {"\"1\""}});
  Check({R"({"type":"string","nullable":true})", {"null", "\"x\""}, {"1"}});
}

TEST(JsonSchemaTest, PropertiesComeInTheSchemasOrderAndOptionalOnesMayBeLeftOut) {
  const std::string_view schema =
      R"({"type":"object","properties":{"z":{"type":"integer"},"a":{"type":"integer"},"m":{"type":"integer"}},
                                      "required":["a"],"additionalProperties":false})";
  Check({schema,
         {"{\"z\":1,\"a\":2,\"m\":3}", "{\"a\":2}", "{\"z\":1,\"a\":2}", "{\"a\":2,\"m\":3}"},
         {"{}", "{\"z\":1}", "{\"a\":2,\"z\":1}", "{\"a\":2,\"a\":2}", "{\"a\":2,\"x\":3}", "{,\"a\":2}",
          "{\"a\":2,}", "{\"a\":\"2\"}"}});
  Check({R"({"type":"object","properties":{"a":{},"b":{}},"additionalProperties":false})",
         {"{}", "{\"a\":1}", "{\"b\":1}", "{\"a\":1,\"b\":[]}"},
         {"{\"b\":1,\"a\":1}"}});
}

TEST(JsonSchemaTest, AdditionalPropertiesHaveOtherNamesThanThoseThatAreNamed) {
  const std::string_view schema =
      R"({"type":"object","properties":{"age":{"type":"integer"},"ag\u00e4":{"type":"null"}},
                                      "additionalProperties":{"type":"string"}})";
  Check({schema,
         {"{\"age\":1,\"a\":\"x\"}", "{\"ag\":\"x\"}", "{\"ages\":\"x\",\"agf\":\"y\"}", "{\"\":\"x\"}", "{}",
          "{\"ag\xC3\xA5\":\"x\"}", "{\"ag\xC3\xA4\":null}"},
         {"{\"age\":\"x\"}", "{\"a\":1}", "{\"ag\xC3\xA4\":\"x\"}", "{\"\\u0061ge\":\"x\"}"}});
  Check({R"({"type":"object"})", {"{}", "{\"x\":[1]}"}, {"[]"}});
  Check({R"({"type":"object","properties":{"a":{}}})", {"{\"b\":1}", "{\"a\":1,\"b\":2}"}, {}});
  Check({R"({"type":"object","properties":{"a":{}}})",
         {"{\"a\":1}"},
         {"{\"b\":1}", "{\"a\":1,\"b\":2}"},
         {.closed_objects = true}});
  Check({R"({"type":"object","required":["b"],"properties":{"a":{"type":"null"}}})",
         {"{\"b\":1}", "{\"a\":null,\"b\":2,\"c\":3}"},
         {"{}", "{\"a\":null}"}});
}

TEST(JsonSchemaTest, NamesOfPropertiesMayBeLimited) {
  Check({R"({"type":"object","propertyNames":{"pattern":"^x-"},"additionalProperties":{"type":"integer"}})",
         {"{}", "{\"x-a\":1,\"x-b\":2}"},
         {"{\"y\":1}"}});
  Check({R"({"type":"object","propertyNames":{"type":"string"},"properties":{"a":{"type":"null"}}})",
         {"{\"a\":null,\"c\":1}"},
         {}});
  Check({R"({"type":"object","propertyNames":{"enum":["p","q"]},"additionalProperties":{}})",
         {"{\"q\":1}"},
         {"{\"r\":1}"}});
}

TEST(JsonSchemaTest, CountsOfPropertiesWhereTheyCanBeCounted) {
  Check({R"({"type":"object","minProperties":1})", {"{\"a\":1}"}, {"{}"}});
  Check(
      {R"({"type":"object","maxProperties":2})", {"{}", "{\"a\":1,\"b\":2}"}, {"{\"a\":1,\"b\":2,\"c\":3}"}});
  Check({R"({"type":"object","maxProperties":0})", {"{}"}, {"{\"a\":1}"}});
  Check({R"({"type":"object","properties":{"a":{},"b":{}},"additionalProperties":false,"minProperties":1})",
         {"{\"b\":1}"},
         {"{}"}});
}

TEST(JsonSchemaTest, ArraysByItemsPrefixAndCount) {
  Check({R"({"type":"array","items":{"type":"integer"}})",
         {"[]", "[1]", "[1,2,3]"},
         {"[\"a\"]", "[1,]", "[,1]"}});
  Check({R"({"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3})",
         {"[1,2]", "[1,2,3]"},
         {"[]", "[1]", "[1,2,3,4]"}});
  Check({R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}});
  Check({R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false})",
         {"[]", "[1]", "[1,\"a\"]"},
         {"[\"a\"]", "[1,\"a\",2]", "[1,2]"}});
  Check(
      {R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":{"type":"null"},"minItems":3,"maxItems":4})",
       {"[1,\"a\",null]", "[1,\"a\",null,null]"},
       {"[1,\"a\"]", "[1,\"a\",null,null,null]", "[1,\"a\",1]"}});
  Check({R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"maxItems":1})",
         {"[]", "[1]"},
         {"[1,\"a\"]"}});
  Check({R"({"type":"array","items":[{"type":"integer"}]})", {"[]", "[1]", "[1,\"anything\"]"}, {"[\"a\"]"}});
  Check({R"({"type":"array","minItems":70000,"maxItems":100000,"items":{"type":"null"}})", {}, {"[null]"}});
  EXPECT_THAT(RefusalOf(R"({"type":"array","minItems":3,"maxItems":2})"),
              testing::HasSubstr("nothing satisfies"));
}

TEST(JsonSchemaTest, ConstantsAndEnumerationsAreWrittenAsTheyStand) {
  Check({R"({"const":{"a":[1,2]}})", {"{\"a\":[1,2]}"}, {"{\"a\":[1]}"}});
  Check({R"({"enum":["a","a\"b\n",5,null,1.5]})",
         {"\"a\"", "\"a\\\"b\\n\"", "5", "null", "1.5"},
         {"\"b\"", "6"}});
  Check({R"({"type":"string","enum":["a",5]})", {"\"a\""}, {"5"}});
  Check({R"({"enum":[1,5,10],"minimum":4,"maximum":9})", {"5"}, {"1", "10"}});
  Check({R"({"enum":["a","bcd"],"minLength":2})", {"\"bcd\""}, {"\"a\""}});
  Check({R"({"const":"a","enum":["a","b"]})", {"\"a\""}, {"\"b\""}});
  EXPECT_THAT(RefusalOf(R"({"type":"string","enum":[1,2]})"), testing::HasSubstr("nothing satisfies"));
}

TEST(JsonSchemaTest, ReferencesMayGoRound) {
  const std::string_view tree = R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{
      "value":{"type":"integer"},"children":{"type":"array","items":{"$ref":"#/$defs/node"}}},
      "required":["value","children"],"additionalProperties":false}}})";
  Check({tree,
         {"{\"value\":1,\"children\":[]}",
          "{\"value\":1,\"children\":[{\"value\":2,\"children\":[]},{\"value\":3,\"children\":[]}]}"},
         {"{\"value\":1}", "{\"value\":1,\"children\":[{}]}"}});
  Check(
      {R"({"type":"object","properties":{"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["next"],"additionalProperties":false})",
       {"{\"next\":{\"next\":null}}"},
       {"{\"next\":1}"}});
  Check({R"({"definitions":{"a/b":{"type":"integer"}},"$ref":"#/definitions/a~1b"})", {"1"}, {"\"1\""}});
  Check({R"({"$defs":{"n":{"type":"number"}},"$ref":"#/$defs/n","minimum":3})", {"3.5"}, {"2"}});
}

TEST(JsonSchemaTest, AlternativesTakeWhatStandsBesideThem) {
  Check({R"({"anyOf":[{"type":"integer"},{"type":"string","maxLength":2}]})",
         {"1", "\"ab\""},
         {"\"abc\"", "null"}});
  Check(
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"additionalProperties":false,
            "anyOf":[{"required":["a"]},{"required":["b"]}]})",
       {"{\"a\":1}", "{\"b\":1}", "{\"a\":1,\"b\":2}"},
       {"{}"}});
  Check(
      {R"({"oneOf":[{"type":"object","properties":{"kind":{"const":"x"},"v":{"type":"integer"}},"required":["kind","v"],"additionalProperties":false},
                     {"type":"object","properties":{"kind":{"const":"y"}},"required":["kind"],"additionalProperties":false}]})",
       {"{\"kind\":\"x\",\"v\":1}", "{\"kind\":\"y\"}"},
       {"{\"kind\":\"x\"}", "{\"kind\":\"y\",\"v\":1}"}});
  Check({R"({"oneOf":[{"type":"string"},{"type":"null"}]})", {"null", "\"\""}, {"1"}});
}

TEST(JsonSchemaTest, AllOfIsOneSchemaMadeOfAll) {
  Check({R"({"allOf":[{"type":"integer"},{"minimum":3},{"maximum":5}]})", {"3", "5"}, {"2", "6", "4.5"}});
  EXPECT_NE(RefusalOf(R"({"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]}],"type":"object",
                           "additionalProperties":{"type":"null"}})"),
            "")
      << "for the schema around it, 'a' is an additional property";
  Check({R"({"$defs":{"base":{"type":"object","properties":{"id":{"type":"integer"}},"required":["id"]}},
             "allOf":[{"$ref":"#/$defs/base"}],"properties":{"name":{"type":"string"}},"required":["name"]})",
         {"{\"name\":\"x\",\"id\":1}"},
         {"{\"id\":1}", "{\"name\":\"x\"}"}});
  EXPECT_THAT(RefusalOf(R"({"allOf":[{"type":"string"},{"type":"integer"}]})"),
              testing::HasSubstr("nothing satisfies"));
}

TEST(JsonSchemaTest, RemarksAndUnknownKeywordsChangeNothing) {
  Check(
      {R"({"$schema":"x","title":"t","description":"d","default":5,"examples":[1],"x-order":1,"type":"integer","$comment":"c","deprecated":true})",
       {"7"},
       {"\"7\""}});
}

}  // namespace
}  // namespace puna
