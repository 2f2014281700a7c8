#include "engine/grammar/schema_keywords.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "engine/grammar/grammar_error.h"
#include "engine/grammar/json_strings.h"

namespace puna {
namespace {

using Type = JsonValue::Type;

constexpr int kMostCounted = 1'000'000'000;

// What is checked of an answer, and understood here.
constexpr std::array<std::string_view, 28> kUnderstood = {"$ref",
                                                          "allOf",
                                                          "anyOf",
                                                          "oneOf",
                                                          "type",
                                                          "nullable",
                                                          "enum",
                                                          "const",
                                                          "minLength",
                                                          "maxLength",
                                                          "pattern",
                                                          "format",
                                                          "minimum",
                                                          "maximum",
                                                          "exclusiveMinimum",
                                                          "exclusiveMaximum",
                                                          "multipleOf",
                                                          "items",
                                                          "prefixItems",
                                                          "minItems",
                                                          "maxItems",
                                                          "uniqueItems",
                                                          "properties",
                                                          "required",
                                                          "additionalProperties",
                                                          "propertyNames",
                                                          "minProperties",
                                                          "maxProperties"};
// What JSON Schema checks, and no grammar here can.
constexpr std::array<std::string_view, 20> kRefused = {"not",
                                                       "if",
                                                       "then",
                                                       "else",
                                                       "dependentRequired",
                                                       "dependentSchemas",
                                                       "dependencies",
                                                       "patternProperties",
                                                       "unevaluatedProperties",
                                                       "unevaluatedItems",
                                                       "contains",
                                                       "minContains",
                                                       "maxContains",
                                                       "additionalItems",
                                                       "$dynamicRef",
                                                       "$recursiveRef",
                                                       "contentSchema",
                                                       "$anchor",
                                                       "$dynamicAnchor",
                                                       "extends"};

template <size_t N>
bool IsAmong(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::string Below(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}
std::string Below(const std::string& path, std::string_view name, size_t index) {
  return Below(path, name) + "[" + std::to_string(index) + "]";
}

void RefuseSchema(const std::string& what, const std::string& path) { throw GrammarError(what, path); }

bool IsNumberFormat(std::string_view format) {
  return format == "int32" || format == "int64" || format == "float" || format == "double";
}

void CheckKeywords(const JsonValue& schema, const std::string& path) {
  for (const auto& member : schema.members) {
    const std::string& name = member.first;
    const JsonValue& value = member.second;
    if (IsAmong(kRefused, name))
      RefuseSchema("the keyword '" + name + "' is not supported", Below(path, name));
    if (!IsAmong(kUnderstood, name)) continue;
    const auto expect = [&](bool right, const char* what) {
      if (!right) RefuseSchema(fmt::format("'{}' must be {}", name, what), Below(path, name));
    };
    if (name == "$ref" || name == "pattern" || name == "format") {
      expect(value.is(Type::kString), "a string");
    } else if (name == "minimum" || name == "maximum" || name == "exclusiveMinimum" ||
               name == "exclusiveMaximum") {
      expect(value.is(Type::kNumber), "a number");
    } else if (name == "multipleOf") {
      expect(value.is(Type::kNumber) && value.number > 0, "a number above 0");
    } else if (name.starts_with("min") || name.starts_with("max")) {
      expect(value.is(Type::kNumber) && value.number >= 0 && value.number == std::floor(value.number),
             "a whole number that is not negative");
    } else if (name == "properties") {
      expect(value.is(Type::kObject), "an object");
    } else if (name == "uniqueItems" || name == "nullable") {
      expect(value.is(Type::kBoolean), "a boolean");
    }
  }
  const JsonValue* unique = schema.Find("uniqueItems");
  if (unique != nullptr && unique->boolean)
    RefuseSchema("the keyword 'uniqueItems' is not supported", Below(path, "uniqueItems"));
  const JsonValue* format = schema.Find("format");
  if (format != nullptr && !IsKnownFormat(format->text) && !IsNumberFormat(format->text))
    RefuseSchema("the format '" + Printable(format->text, 40) + "' is not supported", Below(path, "format"));
}

const std::vector<JsonValue>& ListOf(const JsonValue& value, const std::string& path, const char* name) {
  if (!value.is(Type::kArray) || value.items.empty())
    RefuseSchema(fmt::format("'{}' must be an array with something in it", name), Below(path, name));
  return value.items;
}

bool SaysMore(const JsonValue& schema) {
  return std::ranges::any_of(schema.members,
                             [](const auto& member) { return IsAmong(kUnderstood, member.first); });
}

unsigned TypesOf(const JsonValue& schema, const std::string& path) {
  const JsonValue* type = schema.Find("type");
  unsigned found = type == nullptr ? unsigned{kAllTypes} : 0;
  const auto add = [&](const JsonValue& name) {
    static const std::map<std::string, unsigned, std::less<>> names = {
        {"null", kNullType},     {"boolean", kBooleanType}, {"integer", kIntegerType},
        {"number", kNumberType}, {"string", kStringType},   {"array", kArrayType},
        {"object", kObjectType}};
    const auto known = name.is(Type::kString) ? names.find(name.text) : names.end();
    if (known == names.end())
      RefuseSchema("there is no type " + Printable(name.Dump(), 40), Below(path, "type"));
    found |= known->second;
  };
  if (type != nullptr && type->is(Type::kArray)) {
    for (const JsonValue& name : type->items) add(name);
  } else if (type != nullptr) {
    add(*type);
  }
  const JsonValue* nullable = schema.Find("nullable");
  if (nullable != nullptr && nullable->boolean) found |= kNullType;
  return found;
}

std::optional<int> CountOf(const JsonValue& schema, const char* name) {
  const JsonValue* value = schema.Find(name);
  if (value == nullptr) return std::nullopt;
  return static_cast<int>(std::min<double>(value->number, kMostCounted));
}

std::set<std::string, std::less<>> RequiredNames(const JsonValue& schema, const std::string& path) {
  std::set<std::string, std::less<>> names;
  const JsonValue* required = schema.Find("required");
  if (required == nullptr) return names;
  const auto refuse = [&] {
    RefuseSchema("'required' must be an array of strings", Below(path, "required"));
  };
  if (!required->is(Type::kArray)) refuse();
  for (const JsonValue& name : required->items) {
    if (!name.is(Type::kString)) refuse();
    names.insert(name.text);
  }
  return names;
}

}  // namespace puna
