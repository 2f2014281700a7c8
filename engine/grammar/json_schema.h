#pragma once

#include "engine/grammar/grammar.h"
#include "engine/grammar/json_value.h"

namespace puna {

struct SchemaOptions {
  // An object whose schema does not speak of additionalProperties has none (OpenAI's strict mode). By JSON
  // Schema it may have any.
  bool closed_objects = false;
};

// The JSON documents that a schema allows (drafts 7 to 2020-12, as far as they can be enforced), written with
// little room for taste: properties come in the order of the schema and then the additional ones; between the
// parts there is nothing, a blank, or a line break with at most kMaxIndent blanks; strings and numbers as
// json_strings.h and json_numbers.h say.
//
// Throws GrammarError with the path to the keyword for schemas that are malformed, that nothing satisfies,
// that are too large, or that have a keyword which cannot be enforced. Keywords that JSON Schema does not
// know are remarks, as are title, description, default and examples.
ExpressionId JsonSchema(Grammar& grammar, const JsonValue& schema, const SchemaOptions& options = {});

// Any JSON value, and any object: what `json_object` allows.
ExpressionId AnyJson(Grammar& grammar);
ExpressionId AnyJsonObject(Grammar& grammar);

inline constexpr int kMaxIndent = 40;

}  // namespace puna
