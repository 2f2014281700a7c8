#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace puna {

// A JSON value whose members keep the order in which they were written: in a schema that is the order in
// which the properties will be answered.
struct JsonValue {
  enum class Type { kNull, kBoolean, kNumber, kString, kArray, kObject };

  // Elsewhere, where the type of its own members is complete.
  JsonValue();
  ~JsonValue();
  JsonValue(const JsonValue&);
  JsonValue(JsonValue&&) noexcept;
  JsonValue& operator=(const JsonValue&);
  JsonValue& operator=(JsonValue&&) noexcept;

  Type type = Type::kNull;
  bool boolean = false;
  double number = 0;
  std::string text;  // kString; kNumber: as it is best written
  std::vector<JsonValue> items;
  std::vector<std::pair<std::string, JsonValue>> members;

  bool is(Type wanted) const { return type == wanted; }
  // The last member of that name, or null.
  const JsonValue* Find(std::string_view name) const;
  std::string Dump() const;  // without blanks
  bool operator==(
      const JsonValue& other) const;  // as JSON Schema means it: the order of members is no matter

  static JsonValue Null();
  static JsonValue Object();
  static JsonValue Boolean(bool value);
  static JsonValue String(std::string value);
  static JsonValue Number(double value);
  static JsonValue Of(Type type);
};

// Throws GrammarError for what is not JSON, and for more than 100 levels.
JsonValue ParseJson(std::string_view text);

// As in JSON, with quotes.
std::string JsonQuoted(std::string_view text);

}  // namespace puna
