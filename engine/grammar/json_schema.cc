#include "engine/grammar/json_schema.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/grammar/configurations.h"
#include "engine/grammar/grammar_error.h"
#include "engine/grammar/json_layout.h"
#include "engine/grammar/json_numbers.h"
#include "engine/grammar/json_strings.h"
#include "engine/grammar/schema_document.h"
#include "engine/grammar/schema_keywords.h"
#include "engine/grammar/schema_overlap.h"

namespace puna {
namespace {

using Type = JsonValue::Type;

constexpr int kMaxNesting = 120;         // of schemas, while they are read
constexpr size_t kMaxSchemas = 20'000;   // read in all
constexpr size_t kMaxProperties = 5000;  // of one object
constexpr size_t kMaxValues = 10'000;    // of one enum
constexpr size_t kMaxNameBytes = 1000;   // of a property

class Reader {
 public:
  Reader(Grammar& grammar, const JsonValue& root, const SchemaOptions& options)
      : grammar_(grammar), layout_(grammar), document_(root), options_(options) {}

  // Each schema is a rule of its own, so that it may refer to itself.
  ExpressionId Read(const JsonValue& schema, const std::string& path) {
    if (const auto known = rules_.find(&schema); known != rules_.end()) return grammar_.Use(known->second);
    if (rules_.size() >= kMaxSchemas) throw GrammarError("it is too large: too many schemas", path);
    if (++nesting_ > kMaxNesting) throw GrammarError("schemas are nested too deeply", path);
    const RuleId rule = grammar_.AddRule();
    rules_.emplace(&schema, rule);
    grammar_.Define(rule, ReadNew(schema, path));
    --nesting_;
    return grammar_.Use(rule);
  }

 private:
  ExpressionId ReadNew(const JsonValue& schema, const std::string& path) {
    if (schema.is(Type::kBoolean)) return schema.boolean ? layout_.AnyValue() : grammar_.Never();
    if (!schema.is(Type::kObject)) RefuseSchema("a schema must be an object or a boolean", path);
    CheckKeywords(schema, path);
    if (const JsonValue* reference = schema.Find("$ref")) return ReadReference(schema, *reference, path);
    if (const JsonValue* parts = schema.Find("allOf")) {
      const JsonValue* all = &document_.Keep(Without(schema, {"allOf"}));
      for (size_t i = 0; i < ListOf(*parts, path, "allOf").size(); ++i)
        all = &document_.Both(*all, parts->items[i], Below(path, "allOf", i));
      return Read(*all, path);
    }
    for (const char* name : {"anyOf", "oneOf"})
      if (schema.Find(name) != nullptr) return ReadAlternatives(schema, name, path);
    if (schema.Find("const") != nullptr || schema.Find("enum") != nullptr) return ReadValues(schema, path);
    return ReadTypes(schema, path);
  }

  ExpressionId ReadReference(const JsonValue& schema, const JsonValue& reference, const std::string& path) {
    std::string target_path;
    const JsonValue& target = document_.Resolve(reference.text, Below(path, "$ref"), target_path);
    JsonValue rest = Without(schema, {"$ref"});
    if (!SaysMore(rest)) return Read(target, target_path);
    return Read(document_.Both(document_.Keep(std::move(rest)), target, path), path);
  }

  ExpressionId ReadAlternatives(const JsonValue& schema, const char* name, const std::string& path) {
    const std::vector<JsonValue>& branches = ListOf(*schema.Find(name), path, name);
    const JsonValue& rest = document_.Keep(Without(schema, {name}));
    const bool says_more = SaysMore(rest);
    std::vector<const JsonValue*> alternatives;
    std::vector<ExpressionId> choices;
    for (size_t i = 0; i < branches.size(); ++i) {
      const std::string at = Below(path, name, i);
      alternatives.push_back(says_more ? &document_.Both(rest, branches[i], at) : &branches[i]);
      choices.push_back(Read(*alternatives.back(), at));
    }
    if (std::string_view(name) == "oneOf") RefuseOverlap(document_, alternatives, path);
    return grammar_.Choice(std::move(choices));
  }

  // enum and const: their values, of those what the rest of the schema allows.
  ExpressionId ReadValues(const JsonValue& schema, const std::string& path) {
    std::vector<JsonValue> values;
    if (const JsonValue* list = schema.Find("enum")) values = ListOf(*list, path, "enum");
    if (values.size() > kMaxValues)
      RefuseSchema("more than " + std::to_string(kMaxValues) + " values", Below(path, "enum"));
    if (const JsonValue* value = schema.Find("const")) {
      if (schema.Find("enum") == nullptr || std::ranges::find(values, *value) != values.end()) {
        values = {*value};
      } else {
        values.clear();
      }
    }
    const JsonValue rest = Without(schema, {"enum", "const"});
    if (SaysMore(rest)) KeepMatching(rest, path, values);
    std::vector<ExpressionId> choices;
    for (const JsonValue& value : values) choices.push_back(grammar_.Literal(value.Dump()));
    return grammar_.Choice(std::move(choices));
  }

  void KeepMatching(const JsonValue& rest, const std::string& path, std::vector<JsonValue>& values) {
    // What is said of things within a value is not compared with it, which also could go round.
    const JsonValue flat =
        Without(rest, {"properties", "required", "additionalProperties", "propertyNames", "minProperties",
                       "maxProperties", "items", "prefixItems", "minItems", "maxItems"});
    const bool speaks_of_parts = flat.members.size() < rest.members.size();
    Grammar grammar;
    grammar.SetRoot(Reader(grammar, flat, {}).Read(flat, path));
    std::shared_ptr<const PushdownAutomaton> automaton;
    At(path, [&] {
      automaton = std::make_shared<const PushdownAutomaton>(grammar);
      return ExpressionId{0};
    });
    std::erase_if(values, [&](const JsonValue& value) {
      if (speaks_of_parts && (value.is(Type::kObject) || value.is(Type::kArray)))
        RefuseSchema(
            "objects and arrays in 'enum' or 'const' beside keywords for their parts are not supported",
            path);
      Configurations configurations(automaton);
      Configurations::Id at = configurations.start();
      for (const char c : value.Dump()) {
        if (at == Configurations::kDead) return true;
        at = configurations.Next(at, automaton->ClassOfByte(static_cast<uint8_t>(c)));
      }
      return at == Configurations::kDead || !configurations.Accepts(at);
    });
  }

  ExpressionId ReadTypes(const JsonValue& schema, const std::string& path) {
    const unsigned types = TypesOf(schema, path);
    if (types == kAllTypes && !SaysMore(schema)) return layout_.AnyValue();
    std::vector<ExpressionId> choices;
    if ((types & kObjectType) != 0) choices.push_back(ReadObject(schema, path));
    if ((types & kArrayType) != 0) choices.push_back(ReadArray(schema, path));
    if ((types & kStringType) != 0) choices.push_back(ReadString(schema, path));
    if ((types & kNumberType) != 0) {
      choices.push_back(ReadNumber(schema, path, /*integer=*/false));
    } else if ((types & kIntegerType) != 0) {
      choices.push_back(ReadNumber(schema, path, /*integer=*/true));
    }
    if ((types & kBooleanType) != 0)
      choices.insert(choices.end(), {grammar_.Literal("true"), grammar_.Literal("false")});
    if ((types & kNullType) != 0) choices.push_back(grammar_.Literal("null"));
    return grammar_.Choice(std::move(choices));
  }

  // Adds the path to what the parts complain of.
  template <typename Make>
  ExpressionId At(const std::string& path, const Make& make) {
    try {
      return make();
    } catch (const GrammarError& error) {
      RefuseSchema(error.what(), error.path().empty() ? path : error.path());
    }
  }

  ExpressionId ReadString(const JsonValue& schema, const std::string& path) {
    StringLimits limits;
    limits.min_length = CountOf(schema, "minLength").value_or(0);
    limits.max_length = CountOf(schema, "maxLength");
    if (const JsonValue* pattern = schema.Find("pattern")) limits.pattern = pattern->text;
    const JsonValue* format = schema.Find("format");
    if (format != nullptr && !IsNumberFormat(format->text)) limits.format = format->text;
    const std::string key = std::to_string(limits.min_length) + "," +
                            std::to_string(limits.max_length.value_or(-1)) + "," +
                            limits.format.value_or("") + "," + limits.pattern.value_or("");
    const auto [known, fresh] = strings_.emplace(key, -1);
    if (fresh) {
      known->second = At(Below(path, limits.pattern  ? "pattern"
                                     : limits.format ? "format"
                                                     : "maxLength"),
                         [&] { return JsonString(grammar_, limits); });
    }
    return known->second;
  }

  ExpressionId ReadNumber(const JsonValue& schema, const std::string& path, bool integer) {
    NumberLimits limits;
    limits.integer = integer;
    // Of two lower bounds the higher one counts, and the stricter of equal ones.
    const auto bound = [&](const char* plain, const char* strict, bool lower,
                           std::optional<std::string>& value, bool& exclusive) {
      const JsonValue* a = schema.Find(plain);
      const JsonValue* b = schema.Find(strict);
      exclusive = b != nullptr && (a == nullptr || (lower ? b->number >= a->number : b->number <= a->number));
      if (const JsonValue* counts = exclusive ? b : a) value = counts->text;
    };
    bound("minimum", "exclusiveMinimum", true, limits.minimum, limits.exclusive_minimum);
    bound("maximum", "exclusiveMaximum", false, limits.maximum, limits.exclusive_maximum);
    if (const JsonValue* multiple = schema.Find("multipleOf")) {
      if (multiple->number != std::floor(multiple->number) || multiple->number > kMaxMultipleOf) {
        RefuseSchema("'multipleOf' is supported for whole numbers up to " + std::to_string(kMaxMultipleOf),
                     Below(path, "multipleOf"));
      }
      limits.multiple_of = static_cast<int>(multiple->number);
      limits.integer = true;
    }
    const JsonValue* format = schema.Find("format");
    if (integer && format != nullptr && format->text == "int32" && !limits.bounded()) {
      limits.minimum = "-2147483648";
      limits.maximum = "2147483647";
    }
    const std::string key =
        std::to_string(int{limits.integer}) + "," + limits.minimum.value_or("") + "," +
        std::to_string(int{limits.exclusive_minimum}) + "," + limits.maximum.value_or("") + "," +
        std::to_string(int{limits.exclusive_maximum}) + "," + std::to_string(limits.multiple_of);
    const auto [known, fresh] = numbers_.emplace(key, -1);
    if (fresh)
      known->second = At(Below(path, limits.minimum ? "minimum" : "maximum"),
                         [&] { return JsonNumber(grammar_, limits); });
    return known->second;
  }

  ExpressionId ReadArray(const JsonValue& schema, const std::string& path) {
    std::vector<ExpressionId> prefix;
    const JsonValue* items = schema.Find("items");
    const JsonValue* first = schema.Find("prefixItems");
    // Before 2020 an array of schemas in "items" was what prefixItems is.
    const char* name = first != nullptr ? "prefixItems" : "items";
    if (first == nullptr && items != nullptr && items->is(Type::kArray)) std::swap(first, items);
    if (first != nullptr)
      for (size_t i = 0; i < ListOf(*first, path, name).size(); ++i)
        prefix.push_back(Read(first->items[i], Below(path, name, i)));
    std::optional<ExpressionId> rest =
        items == nullptr ? layout_.AnyValue() : Read(*items, Below(path, "items"));
    if (items != nullptr && items->is(Type::kBoolean) && !items->boolean) rest.reset();
    return layout_.Array(prefix, rest, CountOf(schema, "minItems").value_or(0),
                         CountOf(schema, "maxItems").value_or(Grammar::kUnbounded));
  }

  ExpressionId ReadObject(const JsonValue& schema, const std::string& path) {
    const JsonValue* declared = schema.Find("properties");
    std::vector<std::string> names;
    std::set<std::string, std::less<>> required = RequiredNames(schema, path);
    // The additional properties.
    const JsonValue* more = schema.Find("additionalProperties");
    std::optional<ExpressionId> value;
    if (more == nullptr) {
      if (!options_.closed_objects) value = layout_.AnyValue();
    } else if (!more->is(Type::kBoolean) || more->boolean) {
      value = Read(*more, Below(path, "additionalProperties"));
    }

    JsonLayout::ObjectParts parts;
    const auto add = [&](const std::string& name, ExpressionId of, bool is_required) {
      if (name.size() > kMaxNameBytes)
        RefuseSchema("a property's name has more than 1000 bytes", Below(path, "properties"));
      names.push_back(name);
      parts.properties.push_back({layout_.Member(grammar_.Literal(JsonQuoted(name)), of), is_required});
    };
    if (declared != nullptr) {
      if (declared->members.size() > kMaxProperties)
        RefuseSchema("more than " + std::to_string(kMaxProperties) + " properties",
                     Below(path, "properties"));
      // Of a name that stands twice the last counts, as everywhere.
      std::map<std::string_view, const JsonValue*> last;
      for (const auto& [name, property] : declared->members) last[name] = &property;
      for (const auto& [name, property] : declared->members) {
        if (last[name] != &property) continue;
        const std::string at = Below(path, "properties") + "." + Printable(name, 80);
        add(name, Read(property, at), required.erase(name) > 0);
      }
    }
    for (const std::string& name : required) add(name, value ? *value : grammar_.Never(), true);
    ReadNames(schema, path, names, value, parts);
    CountProperties(schema, path, parts);
    return layout_.Object(parts);
  }

  // What additional properties may be called.
  void ReadNames(const JsonValue& schema, const std::string& path, const std::vector<std::string>& taken,
                 std::optional<ExpressionId> value, JsonLayout::ObjectParts& parts) {
    const JsonValue* rule = schema.Find("propertyNames");
    if (!value) return;
    const bool any_name = rule == nullptr || (rule->is(Type::kBoolean) && rule->boolean) ||
                          (rule->is(Type::kObject) && !SaysMore(Without(*rule, {"type"})));
    if (any_name) {
      const ExpressionId name =
          taken.empty() ? ReadString(JsonValue::Object(), path) : JsonStringExcept(grammar_, taken);
      parts.additional = grammar_.AsRule(layout_.Member(name, *value));
      return;
    }
    const std::string at = Below(path, "propertyNames");
    if (!taken.empty()) RefuseSchema("'propertyNames' beside named properties is not supported", at);
    JsonValue only_strings = JsonValue::Object();
    only_strings.members.emplace_back("type", JsonValue::String("string"));
    parts.additional =
        grammar_.AsRule(layout_.Member(Read(document_.Both(only_strings, *rule, at), at), *value));
  }

  static void CountProperties(const JsonValue& schema, const std::string& path,
                              JsonLayout::ObjectParts& parts) {
    const int least = CountOf(schema, "minProperties").value_or(0);
    const auto required = std::ranges::count_if(parts.properties, &JsonLayout::Property::required);
    parts.not_empty = least == 1;
    if (least > std::max<ptrdiff_t>(required, 1))
      RefuseSchema("'minProperties' above the number of required properties is not supported",
                   Below(path, "minProperties"));
    const auto most = CountOf(schema, "maxProperties");
    if (!most) return;
    if (parts.properties.empty()) {
      parts.most = *most;
    } else if (parts.additional || *most < static_cast<int>(parts.properties.size())) {
      RefuseSchema("'maxProperties' beside named properties is not supported", Below(path, "maxProperties"));
    }
  }

  Grammar& grammar_;
  JsonLayout layout_;
  SchemaDocument document_;
  const SchemaOptions options_;
  std::unordered_map<const JsonValue*, RuleId> rules_;
  std::map<std::string, ExpressionId> strings_;
  std::map<std::string, ExpressionId> numbers_;
  int nesting_ = 0;
};

}  // namespace

ExpressionId JsonSchema(Grammar& grammar, const JsonValue& schema, const SchemaOptions& options) {
  return Reader(grammar, schema, options).Read(schema, "");
}

}  // namespace puna
