#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/grammar/json_value.h"

namespace puna {

// What the members of a JSON schema are and say, one by one. All throw GrammarError with the path to the
// keyword for values that no schema may have there.

// Throws GrammarError for a schema that is malformed or has a keyword that cannot be enforced: what the
// members say together is not looked at.
void CheckKeywords(const JsonValue& schema, const std::string& path);

// Whether it has any keyword that is checked of an answer, besides remarks.
bool SaysMore(const JsonValue& schema);

enum Types : unsigned {
  kNullType = 1,
  kBooleanType = 2,
  kIntegerType = 4,
  kNumberType = 8,
  kStringType = 16,
  kArrayType = 32,
  kObjectType = 64,
  kAllTypes = 127,
};
// The types that it allows, a set of Types.
unsigned TypesOf(const JsonValue& schema, const std::string& path);

// An array that has something in it.
const std::vector<JsonValue>& ListOf(const JsonValue& value, const std::string& path, const char* name);

std::optional<int> CountOf(const JsonValue& schema, const char* name);

std::set<std::string, std::less<>> RequiredNames(const JsonValue& schema, const std::string& path);

// OpenAPI's names for sizes of numbers.
bool IsNumberFormat(std::string_view format);

// Places in a schema, as refusals name them: "properties.a", "anyOf[1]".
std::string Below(const std::string& path, std::string_view name);
std::string Below(const std::string& path, std::string_view name, size_t index);

[[noreturn]] void RefuseSchema(const std::string& what, const std::string& path);

}  // namespace puna
