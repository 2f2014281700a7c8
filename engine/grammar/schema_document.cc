#include "engine/grammar/schema_document.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/grammar/grammar_error.h"

namespace puna {
namespace {

using Type = JsonValue::Type;

// Values in the schemas that others make together: they can multiply.
constexpr size_t kMaxWork = 400'000;

size_t SizeOf(const JsonValue& value) {
  size_t size = 1;
  for (const JsonValue& item : value.items) size += SizeOf(item);
  for (const auto& member : value.members) size += SizeOf(member.second);
  return size;
}

size_t Members(const JsonValue& schema, const char* name) {
  const JsonValue* value = schema.Find(name);
  return value == nullptr ? 0 : value->members.size() + value->items.size();
}

std::string Unescaped(std::string_view part) {
  std::string out;
  for (size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1')) {
      out.push_back(part[++i] == '0' ? '~' : '/');
    } else if (int byte = 0; part[i] == '%' && i + 2 < part.size() &&
                             std::from_chars(&part[i + 1], &part[i + 3], byte, 16).ptr == &part[i + 3]) {
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(part[i]);
    }
  }
  return out;
}

JsonValue False() { return JsonValue::Boolean(false); }

JsonValue AllOf(JsonValue a, JsonValue b) {
  if (a == b) return a;
  JsonValue list = JsonValue::Of(Type::kArray);
  list.items.push_back(std::move(a));
  list.items.push_back(std::move(b));
  JsonValue schema = JsonValue::Object();
  schema.members.emplace_back("allOf", std::move(list));
  return schema;
}

std::vector<JsonValue> ListOf(const JsonValue& value) {
  return value.is(Type::kArray) ? value.items : std::vector<JsonValue>{value};
}

// Of two values of "type". An integer is a number.
JsonValue CommonTypes(const JsonValue& a, const JsonValue& b) {
  JsonValue common = JsonValue::Of(Type::kArray);
  for (const JsonValue& x : ListOf(a)) {
    for (const JsonValue& y : ListOf(b)) {
      if (x == y) common.items.push_back(x);
      if ((x.text == "integer" && y.text == "number") || (x.text == "number" && y.text == "integer"))
        common.items.push_back(JsonValue::String("integer"));
    }
  }
  return common;
}

JsonValue CommonValues(const JsonValue& a, const JsonValue& b) {
  JsonValue common = JsonValue::Of(Type::kArray);
  for (const JsonValue& value : a.items)
    if (std::ranges::find(b.items, value) != b.items.end()) common.items.push_back(value);
  return common;
}

JsonValue EitherName(const JsonValue& a, const JsonValue& b) {
  JsonValue all = a;
  for (const JsonValue& name : b.items)
    if (std::ranges::find(all.items, name) == all.items.end()) all.items.push_back(name);
  return all;
}

bool OneOfNames(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

// "const" as an "enum" of one.
JsonValue WithoutConst(const JsonValue& schema) {
  const JsonValue* value = schema.Find("const");
  if (value == nullptr) return schema;
  JsonValue list = JsonValue::Of(Type::kArray);
  list.items.push_back(*value);
  JsonValue out = Without(schema, {"const"});
  if (const JsonValue* values = out.Find("enum")) {
    list = CommonValues(list, *values);
    out = Without(out, {"enum"});
  }
  out.members.emplace_back("enum", std::move(list));
  return out;
}

// Each property of `from` under what the other schema says of properties it does not name.
void AddProperties(const JsonValue& from, const JsonValue& other, JsonValue& properties) {
  const JsonValue* own = from.Find("properties");
  if (own == nullptr) return;
  const JsonValue* others = other.Find("properties");
  const JsonValue* additional = other.Find("additionalProperties");
  for (const auto& [name, schema] : own->members) {
    if (properties.Find(name) != nullptr) continue;
    const JsonValue* same = others != nullptr ? others->Find(name) : nullptr;
    if (same == nullptr) same = additional;
    properties.members.emplace_back(name, same == nullptr ? schema : AllOf(schema, *same));
  }
}

}  // namespace

JsonValue Without(const JsonValue& schema, std::initializer_list<std::string_view> names) {
  JsonValue out = JsonValue::Object();
  for (const auto& member : schema.members)
    if (!OneOfNames(member.first, names)) out.members.push_back(member);
  return out;
}

const JsonValue& SchemaDocument::Resolve(const std::string& reference, const std::string& at,
                                         std::string& path) const {
  const auto refuse = [&](const std::string& why) {
    throw GrammarError("the reference '" + Printable(reference, 80) + "' " + why, at);
  };
  if (reference.empty() || reference[0] != '#') refuse("leads out of the schema, which is not supported");
  const JsonValue* found = &root_;
  std::string_view rest = std::string_view(reference).substr(1);
  if (!rest.empty() && rest[0] != '/') refuse("is no JSON pointer, which is not supported");
  path.clear();
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const size_t end = std::min(rest.find('/'), rest.size());
    const std::string name = Unescaped(rest.substr(0, end));
    rest.remove_prefix(end);
    const JsonValue* next = nullptr;
    if (found->is(Type::kObject)) {
      next = found->Find(name);
    } else if (found->is(Type::kArray)) {
      size_t index = 0;
      const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), index);
      if (error == std::errc() && stop == name.data() + name.size() && index < found->items.size())
        next = &found->items[index];
    }
    if (next == nullptr) refuse("leads to nothing");
    found = next;
    path += (path.empty() ? "" : ".") + name;
  }
  return *found;
}

const JsonValue& SchemaDocument::Keep(JsonValue schema) {
  Spend(SizeOf(schema));
  return made_.emplace_back(std::move(schema));
}

void SchemaDocument::Spend(size_t work) {
  spent_ += work;
  if (spent_ > kMaxWork) throw GrammarError("it is too large: its schemas make too many others together");
}

const JsonValue& SchemaDocument::Both(const JsonValue& a, const JsonValue& b, const std::string& at) {
  for (const JsonValue* schema : {&a, &b}) {
    if (!schema->is(Type::kBoolean) && !schema->is(Type::kObject))
      throw GrammarError("a schema must be an object or a boolean", at);
  }
  if (a.is(Type::kBoolean)) return a.boolean ? b : a;
  if (b.is(Type::kBoolean)) return b.boolean ? a : b;
  // Before the work is done: each name of the one is looked for in the other.
  for (const char* name : {"properties", "enum", "required"}) Spend(Members(a, name) * Members(b, name) / 16);
  Spend(SizeOf(a) + SizeOf(b));
  return Keep(Merged(WithoutConst(a), WithoutConst(b), at));
}

JsonValue SchemaDocument::Merged(const JsonValue& a, const JsonValue& b, const std::string& at) {
  JsonValue out = JsonValue::Object();
  JsonValue all_of = JsonValue::Of(Type::kArray);
  for (const JsonValue* schema : {&a, &b}) {
    // What refers elsewhere is put together when the result is read.
    if (const JsonValue* list = schema->Find("allOf"); list != nullptr && list->is(Type::kArray))
      all_of.items.insert(all_of.items.end(), list->items.begin(), list->items.end());
    for (const char* name : {"$ref", "anyOf", "oneOf"}) {
      if (schema != &b || a.Find(name) == nullptr) continue;
      const JsonValue* value = b.Find(name);
      if (value == nullptr || *value == *a.Find(name)) continue;
      JsonValue part = JsonValue::Object();
      part.members.emplace_back(name, *value);
      all_of.items.push_back(std::move(part));
    }
  }
  for (const auto& [name, value] : a.members) {
    if (name == "properties" || name == "additionalProperties" || name == "allOf") continue;
    const JsonValue* other = b.Find(name);
    if (other == nullptr || *other == value || OneOfNames(name, {"$ref", "anyOf", "oneOf"})) {
      out.members.emplace_back(name, value);
    } else if (name == "type") {
      JsonValue types = CommonTypes(value, *other);
      if (types.items.empty()) return False();
      out.members.emplace_back(name, std::move(types));
    } else if (name == "enum") {
      out.members.emplace_back(name, CommonValues(value, *other));
    } else if (name == "required") {
      out.members.emplace_back(name, EitherName(value, *other));
    } else if (OneOfNames(name, {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})) {
      out.members.emplace_back(name, value.number < other->number ? *other : value);
    } else if (OneOfNames(name, {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})) {
      out.members.emplace_back(name, value.number > other->number ? *other : value);
    } else if (name == "items" || name == "propertyNames") {
      out.members.emplace_back(name, AllOf(value, *other));
    } else if (OneOfNames(name,
                          {"pattern", "format", "multipleOf", "prefixItems", "uniqueItems", "nullable"})) {
      throw GrammarError("two values of '" + name + "' that hold together are not supported", at);
    } else {
      out.members.emplace_back(name, value);  // remarks
    }
  }
  for (const auto& [name, value] : b.members) {
    if (a.Find(name) == nullptr && !OneOfNames(name, {"properties", "additionalProperties", "allOf"}))
      out.members.emplace_back(name, value);
  }
  for (const auto& [one, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    if (one->Find("prefixItems") != nullptr && other->Find("prefixItems") == nullptr &&
        other->Find("items") != nullptr)
      throw GrammarError("'prefixItems' of one schema and 'items' of another are not supported together", at);
  }
  JsonValue properties = JsonValue::Object();
  AddProperties(a, b, properties);
  AddProperties(b, a, properties);
  if (!properties.members.empty()) out.members.emplace_back("properties", std::move(properties));
  const JsonValue* more_a = a.Find("additionalProperties");
  const JsonValue* more_b = b.Find("additionalProperties");
  if (more_a != nullptr || more_b != nullptr) {
    out.members.emplace_back("additionalProperties", more_a == nullptr   ? *more_b
                                                     : more_b == nullptr ? *more_a
                                                                         : AllOf(*more_a, *more_b));
  }
  if (!all_of.items.empty()) out.members.emplace_back("allOf", std::move(all_of));
  return out;
}

}  // namespace puna
