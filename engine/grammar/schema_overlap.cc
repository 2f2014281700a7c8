#include "engine/grammar/schema_overlap.h"

#include <algorithm>
#include <optional>

#include "engine/grammar/schema_keywords.h"

namespace puna {
namespace {

using Type = JsonValue::Type;

const JsonValue& Followed(const SchemaDocument& document, const JsonValue& schema, const std::string& path) {
  const JsonValue* at = &schema;
  for (int hops = 0; hops < 32 && at->is(Type::kObject); ++hops) {
    const JsonValue* reference = at->Find("$ref");
    if (reference == nullptr || !reference->is(Type::kString)) break;
    std::string target_path;
    at = &document.Resolve(reference->text, path, target_path);
  }
  return *at;
}

std::optional<std::vector<JsonValue>> ValuesOf(const JsonValue& schema) {
  if (!schema.is(Type::kObject)) return std::nullopt;
  if (const JsonValue* value = schema.Find("const")) return std::vector<JsonValue>{*value};
  const JsonValue* values = schema.Find("enum");
  if (values == nullptr || !values->is(Type::kArray)) return std::nullopt;
  return values->items;
}

bool AreApart(const std::vector<JsonValue>& a, const std::vector<JsonValue>& b) {
  return std::ranges::none_of(a, [&](const JsonValue& x) { return std::ranges::find(b, x) != b.end(); });
}

bool Requires(const JsonValue& schema, const std::string& name) {
  const JsonValue* required = schema.Find("required");
  return required != nullptr && std::ranges::any_of(required->items, [&](const JsonValue& item) {
           return item.is(Type::kString) && item.text == name;
         });
}

bool AreApart(const SchemaDocument& document, const JsonValue& a, const JsonValue& b,
              const std::string& path) {
  for (const JsonValue* schema : {&a, &b})
    if (schema->is(Type::kBoolean)) return !schema->boolean;
  const auto values_a = ValuesOf(a);
  const auto values_b = ValuesOf(b);
  if (values_a && values_b) return AreApart(*values_a, *values_b);
  const auto types = [&](const JsonValue& schema) {
    unsigned found = TypesOf(schema, path);
    if ((found & kNumberType) != 0) found |= kIntegerType;
    return found;
  };
  const unsigned common = types(a) & types(b);
  if (common == 0) return true;
  if (common != kObjectType) return false;
  const JsonValue* properties = a.Find("properties");
  const JsonValue* others = b.Find("properties");
  if (properties == nullptr || others == nullptr) return false;
  return std::ranges::any_of(properties->members, [&](const auto& property) {
    const JsonValue* other = others->Find(property.first);
    if (other == nullptr || !Requires(a, property.first) || !Requires(b, property.first)) return false;
    const auto mine = ValuesOf(Followed(document, property.second, path));
    const auto theirs = ValuesOf(Followed(document, *other, path));
    return mine && theirs && AreApart(*mine, *theirs);
  });
}

}  // namespace

void RefuseOverlap(const SchemaDocument& document, const std::vector<const JsonValue*>& alternatives,
                   const std::string& path) {
  std::vector<const JsonValue*> read;
  for (const JsonValue* alternative : alternatives) read.push_back(&Followed(document, *alternative, path));
  for (size_t i = 0; i < read.size(); ++i) {
    for (size_t j = i + 1; j < read.size(); ++j) {
      if (!AreApart(document, *read[i], *read[j], path)) {
        RefuseSchema(
            "'oneOf' is supported where types, or a required property with different constants, tell the "
            "alternatives apart; those of index " +
                std::to_string(i) + " and " + std::to_string(j) + " may overlap: use 'anyOf'",
            Below(path, "oneOf"));
      }
    }
  }
}

}  // namespace puna
