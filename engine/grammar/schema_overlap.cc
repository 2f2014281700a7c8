#include "engine/grammar/schema_overlap.h"

#include <algorithm>
#include <optional>

#include "engine/grammar/schema_keywords.h"

namespace puna {
namespace {

using Type = JsonValue::Type;

constexpr size_t kMaxWork = 10'000'000;  // values and names compared

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

unsigned TypeOf(const JsonValue& value) {
  switch (value.type) {
    case Type::kNull:
      return kNullType;
    case Type::kBoolean:
      return kBooleanType;
    case Type::kNumber:
      return kNumberType | kIntegerType;
    case Type::kString:
      return kStringType;
    case Type::kArray:
      return kArrayType;
    case Type::kObject:
      return kObjectType;
  }
  return kAllTypes;
}

bool Requires(const JsonValue& schema, const std::string& name) {
  const JsonValue* required = schema.Find("required");
  return required != nullptr && std::ranges::any_of(required->items, [&](const JsonValue& item) {
           return item.is(Type::kString) && item.text == name;
         });
}

class Comparison {
 public:
  Comparison(const SchemaDocument& document, const std::string& path) : document_(document), path_(path) {}

  bool AreApart(const JsonValue& a, const JsonValue& b) {
    for (const JsonValue* schema : {&a, &b})
      if (schema->is(Type::kBoolean)) return !schema->boolean;
    const auto values_a = ValuesOf(a);
    const auto values_b = ValuesOf(b);
    if (values_a && values_b) return AreApart(*values_a, *values_b);
    const unsigned common = TypesWithin(a) & TypesWithin(b);
    if (common == 0) return true;
    return common == kObjectType && APropertyIsApart(a, b);
  }

 private:
  bool AreApart(const std::vector<JsonValue>& a, const std::vector<JsonValue>& b) {
    Spend(a.size() * b.size());
    return std::ranges::none_of(a, [&](const JsonValue& x) { return std::ranges::find(b, x) != b.end(); });
  }

  bool APropertyIsApart(const JsonValue& a, const JsonValue& b) {
    const JsonValue* properties = a.Find("properties");
    const JsonValue* others = b.Find("properties");
    if (properties == nullptr || others == nullptr) return false;
    return std::ranges::any_of(properties->members, [&](const auto& property) {
      Spend(others->members.size());
      const JsonValue* other = others->Find(property.first);
      if (other == nullptr || !Requires(a, property.first) || !Requires(b, property.first)) return false;
      const auto mine = ValuesOf(Followed(document_, property.second, path_));
      const auto theirs = ValuesOf(Followed(document_, *other, path_));
      return mine && theirs && AreApart(*mine, *theirs);
    });
  }

  // Of its values if they are listed. A number may be an integer.
  unsigned TypesWithin(const JsonValue& schema) {
    unsigned found = TypesOf(schema, path_);
    if (const auto values = ValuesOf(schema)) {
      Spend(values->size());
      unsigned listed = 0;
      for (const JsonValue& value : *values) listed |= TypeOf(value);
      found &= listed;
    }
    return (found & kNumberType) != 0 ? found | kIntegerType : found;
  }

  void Spend(size_t work) {
    spent_ += work + 1;
    if (spent_ > kMaxWork)
      RefuseSchema("the alternatives of 'oneOf' have too many values to compare", Below(path_, "oneOf"));
  }

  const SchemaDocument& document_;
  const std::string& path_;
  size_t spent_ = 0;
};

}  // namespace

void RefuseOverlap(const SchemaDocument& document, const std::vector<const JsonValue*>& alternatives,
                   const std::string& path) {
  std::vector<const JsonValue*> read;
  for (const JsonValue* alternative : alternatives) read.push_back(&Followed(document, *alternative, path));
  Comparison comparison(document, path);
  for (size_t i = 0; i < read.size(); ++i) {
    for (size_t j = i + 1; j < read.size(); ++j) {
      if (!comparison.AreApart(*read[i], *read[j])) {
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
