#pragma once

#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>

#include "engine/grammar/json_value.h"

namespace puna {

// A schema and what it refers to: $ref within the document, and schemas that several others make together.
class SchemaDocument {
 public:
  explicit SchemaDocument(const JsonValue& root) : root_(root) {}

  // What a $ref of the document means, and its path. Throws GrammarError.
  const JsonValue& Resolve(const std::string& reference, const std::string& at, std::string& path) const;

  // One schema for what satisfies both; it lives as long as this. $ref, allOf and anyOf within them are
  // followed as far as that needs. Throws GrammarError if one schema cannot say it.
  const JsonValue& Both(const JsonValue& a, const JsonValue& b, const std::string& at);

  // Keeps a schema that was made.
  const JsonValue& Keep(JsonValue schema);

 private:
  JsonValue Merged(const JsonValue& a, const JsonValue& b, const std::string& at);

  void Spend(size_t work);

  const JsonValue& root_;
  std::deque<JsonValue> made_;
  size_t spent_ = 0;
};

// The schema without these members.
JsonValue Without(const JsonValue& schema, std::initializer_list<std::string_view> names);

}  // namespace puna
