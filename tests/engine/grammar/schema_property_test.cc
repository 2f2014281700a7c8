// Random schemas, judged by a validator that is not ours: what their grammars produce validates, and
// documents that validate are in their grammars.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "tests/engine/grammar/grammar_test_support.h"
#include "tests/engine/grammar/json_forms.h"

namespace puna {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  size_t Below(size_t n) { return random_() % n; }
  int From(int low, int high) { return low + static_cast<int>(Below(static_cast<size_t>(high - low + 1))); }
  bool OneIn(size_t n) { return Below(n) == 0; }
  template <typename T>
  T Pick(std::initializer_list<T> from) {
    return *(from.begin() + Below(from.size()));
  }

 private:
  std::mt19937 random_;
};

// Schemas within what is taken, of the shapes that people write.
class SchemaMaker {
 public:
  explicit SchemaMaker(Dice& dice) : dice_(dice) {}

  ordered_json Make() {
    ordered_json schema = Schema(0);
    if (schema.is_object()) schema["definitions"] = {{"leaf", Leaf()}, {"list", Array(2)}};
    return schema;
  }

 private:
  ordered_json Schema(int depth) {
    if (depth >= 3) return Leaf();
    switch (dice_.Below(10)) {
      case 0:
      case 1:
      case 2:
        return Object(depth);
      case 3:
        return Array(depth);
      case 4:
        return {{"anyOf", {Schema(depth + 1), Schema(depth + 1)}}};
      case 5:
        return {{"allOf", {Object(depth + 1), Object(depth + 1)}}};
      case 6:
        return {{"$ref", dice_.Pick({"#/definitions/leaf", "#/definitions/list"})}};
      default:
        return Leaf();
    }
  }

  ordered_json Leaf() {
    switch (dice_.Below(9)) {
      case 0:
        return {{"type", "string"}, {"minLength", dice_.From(0, 2)}, {"maxLength", dice_.From(2, 4)}};
      case 1:
        return {{"type", "string"}, {"pattern", dice_.Pick({"^a+b?$", "b", "^[a-c]{1,3}$", "^(a|bc)"})}};
      case 2:
        return Bounded({{"type", "integer"}}, "");
      case 3:
        return Bounded({{"type", "number"}}, ".5");
      case 4:
        return {{"type", "integer"}, {"multipleOf", dice_.From(2, 7)}, {"minimum", -20}, {"maximum", 50}};
      case 5:
        return {{"enum", {"a", 1, nullptr, {1, "b"}}}};
      case 6:
        return {{"const", dice_.Pick({ordered_json("a"), ordered_json(-3), ordered_json{{"x", true}}})}};
      case 7:
        return {{"type", {"boolean", "null", "string"}}};
      default:
        return {{"type", dice_.Pick({"string", "integer", "number", "boolean", "null"})}};
    }
  }

  ordered_json Bounded(ordered_json schema, const std::string& fraction) {
    const auto number = [&](int low, int high) {
      return ordered_json::parse(std::to_string(dice_.From(low, high)) + fraction);
    };
    if (!dice_.OneIn(3)) schema[dice_.Pick({"minimum", "exclusiveMinimum"})] = number(-30, 5);
    if (!dice_.OneIn(3)) schema[dice_.Pick({"maximum", "exclusiveMaximum"})] = number(6, 40);
    return schema;
  }

  ordered_json Object(int depth) {
    ordered_json properties = ordered_json::object();
    ordered_json required = ordered_json::array();
    for (int i = dice_.From(0, 3); i > 0; --i) {
      const std::string name = dice_.Pick({"a", "b", "ab", "\xC3\xA4"});
      if (!properties.contains(name) && dice_.OneIn(2)) required.push_back(name);
      properties[name] = Schema(depth + 1);
    }
    ordered_json schema = {{"type", "object"}, {"properties", properties}};
    if (!required.empty()) schema["required"] = required;
    if (!dice_.OneIn(3)) schema["additionalProperties"] = dice_.OneIn(3) ? Leaf() : ordered_json(false);
    return schema;
  }

  ordered_json Array(int depth) {
    ordered_json schema = {{"type", "array"}, {"items", Schema(depth + 1)}};
    if (dice_.OneIn(4)) schema["items"] = {Leaf(), Leaf()};
    if (dice_.OneIn(2)) schema["minItems"] = dice_.From(0, 2);
    if (dice_.OneIn(2)) schema["maxItems"] = dice_.From(2, 3);
    return schema;
  }

  Dice& dice_;
};

// Documents that come near to what a schema says: each part is now and then something else.
class DocumentMaker {
 public:
  DocumentMaker(Dice& dice, const ordered_json& root) : dice_(dice), root_(root) {}

  json Make(const ordered_json& schema, int depth = 0) {
    if (depth > 6 || dice_.OneIn(8)) return Anything();
    if (schema.contains("$ref")) {
      return Make(root_[ordered_json::json_pointer(schema["$ref"].get<std::string>().substr(1))], depth + 1);
    }
    if (schema.contains("anyOf")) return Make(schema["anyOf"][dice_.Below(2)], depth + 1);
    if (schema.contains("allOf")) {
      json both = Make(schema["allOf"][0], depth + 1);
      const json other = Make(schema["allOf"][1], depth + 1);
      if (both.is_object() && other.is_object()) both.update(other);
      return both;
    }
    if (schema.contains("const")) return json::parse(schema["const"].dump());
    if (schema.contains("enum"))
      return json::parse(schema["enum"][dice_.Below(schema["enum"].size())].dump());
    const ordered_json type = schema["type"].is_array() ? schema["type"][dice_.Below(3)] : schema["type"];
    if (type == "object") return Object(schema, depth);
    if (type == "array") return Array(schema, depth);
    if (type == "string") return Text();
    if (type == "integer") return dice_.From(-35, 45);
    if (type == "number") return dice_.From(-70, 90) / 2.0;
    if (type == "boolean") return dice_.OneIn(2);
    return nullptr;
  }

 private:
  json Anything() {
    return dice_.Pick({json(nullptr), json(true), json(7), json(-2.5), json("a"), json("ab"), json::array(),
                       json::object(), json{{"a", 1}}, json{1, "b"}});
  }
  std::string Text() {
    std::string text;
    for (int i = dice_.From(0, 4); i > 0; --i)
      text += dice_.Pick({"a", "b", "c", "\xE2\x82\xAC", "\"", "\n"});
    return text;
  }
  json Object(const ordered_json& schema, int depth) {
    json object = json::object();
    for (const auto& [name, property] : schema["properties"].items())
      if (!dice_.OneIn(4)) object[name] = Make(property, depth + 1);
    if (dice_.OneIn(4)) object[dice_.Pick({"b", "z", "abc"})] = Anything();
    return object;
  }
  json Array(const ordered_json& schema, int depth) {
    json array = json::array();
    for (int i = dice_.From(0, 3); i > 0; --i) {
      const ordered_json& items = schema["items"];
      array.push_back(Make(items.is_array() ? items[std::min<size_t>(array.size(), 1)] : items, depth + 1));
    }
    return array;
  }

  Dice& dice_;
  const ordered_json& root_;
};

class Validator {
 public:
  explicit Validator(const json& schema) {
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(schema), schema_);
  }
  bool IsValid(const json& document) {
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    return validator.validate(schema_, valijson::adapters::NlohmannJsonAdapter(document), nullptr);
  }

 private:
  valijson::Schema schema_;
};

std::shared_ptr<TokenConstraint> ConstraintOrNull(const ordered_json& schema) {
  try {
    return SchemaConstraint(schema.dump());
  } catch (const GrammarError&) {
    return nullptr;
  }
}

// A document of the grammar, byte by byte; nothing if it does not end soon.
std::optional<std::string> RandomDocument(const std::shared_ptr<TokenConstraint>& constraint, Dice& dice) {
  constexpr int kEnd = 256;  // grammar_test_support.h
  TokenMatcher matcher(constraint);
  std::string text;
  while (text.size() < 600) {
    const auto mask = matcher.Allowed();
    if (IsAllowed(*mask, kEnd) && (matcher.finished() || dice.OneIn(2))) return text;
    std::vector<int32_t> closing;
    std::vector<int32_t> all;
    for (int32_t byte = 0; byte < 256; ++byte) {
      if (!IsAllowed(*mask, byte)) continue;
      all.push_back(byte);
      if (byte == '"' || byte == ']' || byte == '}') closing.push_back(byte);
    }
    const auto& from = closing.empty() || !dice.OneIn(3) ? all : closing;
    const int32_t byte = from[dice.Below(from.size())];
    matcher.Accept(byte);
    text.push_back(static_cast<char>(byte));
  }
  return std::nullopt;
}

TEST(SchemaPropertyTest, WhatAGrammarProducesValidates) {
  int used = 0;
  int documents = 0;
  for (unsigned seed = 0; seed < 600; ++seed) {
    Dice dice(seed);
    const ordered_json schema = SchemaMaker(dice).Make();
    SCOPED_TRACE(schema.dump());
    const auto constraint = ConstraintOrNull(schema);
    if (constraint == nullptr) continue;
    ++used;
    Validator validator(json::parse(schema.dump()));
    for (int i = 0; i < 8; ++i) {
      const auto text = RandomDocument(constraint, dice);
      if (!text) continue;
      ++documents;
      json document;
      ASSERT_NO_THROW(document = json::parse(*text)) << *text;
      EXPECT_TRUE(validator.IsValid(document)) << *text;
    }
  }
  EXPECT_GT(used, 400);
  EXPECT_GT(documents, 2000);
}

TEST(SchemaPropertyTest, ADocumentIsInTheGrammarIfAndOnlyIfItValidates) {
  int valid = 0;
  int invalid = 0;
  for (unsigned seed = 1000; seed < 1800; ++seed) {
    Dice dice(seed);
    const ordered_json schema = SchemaMaker(dice).Make();
    SCOPED_TRACE(schema.dump());
    const auto constraint = ConstraintOrNull(schema);
    if (constraint == nullptr) continue;
    Validator validator(json::parse(schema.dump()));
    DocumentMaker maker(dice, schema);
    for (int i = 0; i < 20; ++i) {
      const json document = maker.Make(schema);
      const bool validates = validator.IsValid(document);
      const auto forms = JsonForms(document, 300);
      const bool allowed =
          std::ranges::any_of(forms, [&](const std::string& text) { return constraint->Matches(text); });
      EXPECT_EQ(allowed, validates) << document.dump();
      ++(validates ? valid : invalid);
    }
  }
  EXPECT_GT(valid, 2000);
  EXPECT_GT(invalid, 2000);
}

}  // namespace
}  // namespace puna
