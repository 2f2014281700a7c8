#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/grammar/grammar_test_support.h"

namespace puna {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(JsonSchemaRefusalsTest, KeywordsThatCannotBeEnforcedAreNamedWithTheirPath) {
  for (const char* name : {"not", "if", "dependentRequired", "patternProperties", "contains",
                           "unevaluatedProperties", "$dynamicRef"}) {
    const std::string schema = R"({"type":"object","properties":{"a":{"type":"array","items":{")" +
                               std::string(name) + R"(":{}}}}})";
    EXPECT_THAT(RefusalOf(schema), StartsWith("properties.a.items." + std::string(name) + ": ")) << schema;
  }
  EXPECT_THAT(RefusalOf(R"({"type":"array","uniqueItems":true})"), StartsWith("uniqueItems: "));
  EXPECT_EQ(RefusalOf(R"({"type":"array","uniqueItems":false})"), "");
  EXPECT_THAT(RefusalOf(R"({"type":"string","format":"iri"})"),
              AllOf(StartsWith("format: "), HasSubstr("'iri'")));
  EXPECT_THAT(RefusalOf(R"({"type":"number","multipleOf":0.01})"), StartsWith("multipleOf: "));
  EXPECT_THAT(RefusalOf(R"x({"anyOf":[{"type":"null"},{"type":"string","pattern":"(?=x)"}]})x"),
              StartsWith("anyOf[1].pattern: "));
  EXPECT_THAT(RefusalOf(R"({"oneOf":[{"type":"integer"},{"type":"number"}]})"), StartsWith("oneOf: "));
  EXPECT_THAT(RefusalOf(R"({"$defs":{"x":{"not":{}}},"$ref":"#/$defs/x"})"), StartsWith("$defs.x.not: "));
}

TEST(JsonSchemaRefusalsTest, MalformedSchemasAreNamedWithTheirPath) {
  EXPECT_THAT(RefusalOf(R"({"type":"strin"})"), AllOf(StartsWith("type: "), HasSubstr("strin")));
  EXPECT_THAT(RefusalOf(R"({"type":5})"), StartsWith("type: "));
  EXPECT_THAT(RefusalOf(R"({"properties":[]})"), StartsWith("properties: "));
  EXPECT_THAT(RefusalOf(R"({"properties":{"a":5}})"), StartsWith("properties.a: "));
  EXPECT_THAT(RefusalOf(R"({"required":"a"})"), StartsWith("required: "));
  EXPECT_THAT(RefusalOf(R"({"minLength":-1})"), StartsWith("minLength: "));
  EXPECT_THAT(RefusalOf(R"({"minimum":"1"})"), StartsWith("minimum: "));
  EXPECT_THAT(RefusalOf(R"({"anyOf":[]})"), StartsWith("anyOf: "));
  EXPECT_THAT(RefusalOf(R"({"enum":5})"), StartsWith("enum: "));
  EXPECT_THAT(RefusalOf(R"({"$ref":"#/$defs/x"})"),
              AllOf(StartsWith("$ref: "), HasSubstr("leads to nothing")));
  EXPECT_THAT(RefusalOf(R"({"$ref":"http://x/y"})"), HasSubstr("leads out of the schema"));
  EXPECT_THAT(RefusalOf("[]"), HasSubstr("object or a boolean"));
  EXPECT_THAT(RefusalOf("{"), HasSubstr("not valid JSON"));
}

TEST(JsonSchemaRefusalsTest, WhatHasNoEndIsRefused) {
  EXPECT_THAT(RefusalOf(R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})"),
              HasSubstr("nothing satisfies"));
  EXPECT_NE(RefusalOf(R"({"$ref":"#"})"), "");
  EXPECT_NE(RefusalOf(R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})"), "");
  EXPECT_NE(RefusalOf(R"({"$ref":"#","minimum":1})"), "");
  EXPECT_NE(RefusalOf(R"({"allOf":[{"$ref":"#"},{"type":"null"}]})"), "");
}

TEST(JsonSchemaRefusalsTest, DeepAndLargeSchemasAreRefusedAndNotReadForEver) {
  std::string deep;
  for (int i = 0; i < 500; ++i) deep += R"({"items":)";
  EXPECT_NE(RefusalOf(deep + "{}" + std::string(500, '}')), "");
  EXPECT_NE(RefusalOf(R"({"type":"object","properties":{")" + std::string(5000, 'n') + R"(":{}}})"), "");
  std::string wide = R"({"type":"object","additionalProperties":false,"properties":{"p":{})";
  for (int i = 0; i < 60'000; ++i) wide += ",\"property" + std::to_string(i) + "\":{\"type\":\"integer\"}";
  EXPECT_THAT(RefusalOf(wide + "}}"), HasSubstr("properties"));
  // Alternatives beside alternatives, which multiply.
  std::string all = R"({"allOf":[)";
  for (int i = 0; i < 24; ++i)
    all += std::string(i > 0 ? "," : "") + R"({"anyOf":[{"required":["a)" + std::to_string(i) +
           R"("]},{"required":["b)" + std::to_string(i) + R"("]}]})";
  EXPECT_NE(RefusalOf(all + "]}"), "");
}

TEST(JsonSchemaRefusalsTest, ASchemaOfAHundredPropertiesIsSmall) {
  std::string schema = R"({"type":"object","properties":{"p":{"type":"null"})";
  for (int i = 0; i < 100; ++i) {
    schema +=
        ",\"property" + std::to_string(i) + R"(":{"type":["string","null"],"description":"one of many"})";
  }
  Grammar grammar;
  grammar.SetRoot(JsonSchema(grammar, ParseJson(schema + "}}")));
  EXPECT_LT(PushdownAutomaton(grammar).states(), 20'000u);
}

TEST(JsonSchemaRefusalsTest, ListedValuesAreApartFromOtherTypes) {
  EXPECT_EQ(RefusalOf(R"({"oneOf":[{"enum":[1,2]},{"const":"x"},{"type":["null","array"]}]})"), "");
  EXPECT_NE(RefusalOf(R"({"oneOf":[{"enum":[1,null]},{"type":"null"}]})"), "");
  EXPECT_NE(RefusalOf(R"({"oneOf":[{"enum":[1]},{"type":"number"}]})"), "");
}

TEST(JsonSchemaRefusalsTest, AlternativesWithMoreValuesThanCanBeComparedAreRefused) {
  std::string alternatives;
  for (int i = 0; i < 60; ++i) {
    std::string values;
    for (int j = 0; j < 1000; ++j) values += (j > 0 ? "," : "") + std::to_string(i * 1000 + j);
    alternatives += (i > 0 ? "," : "") + std::string("{\"enum\":[") + values + "]}";
  }
  EXPECT_EQ(RefusalOf("{\"oneOf\":[" + alternatives + "]}"),
            "oneOf: the alternatives of 'oneOf' have too many values to compare");
}

}  // namespace
}  // namespace puna
