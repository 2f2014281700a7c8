#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/grammar/grammar.h"
#include "engine/grammar/json_value.h"
#include "server/api/constraints.h"
#include "server/api/json_body.h"

namespace puna {

// What an answer must look like: read from a request, made into a constraint when the model is known.
struct OutputRules {
  std::string param;  // the field that asks for it
  std::string key;    // equal rules have equal keys
  std::function<ExpressionId(Grammar&)> build;
  // Where the param's value lies, for refusals of what is in it: "response_format.json_schema.schema". Empty:
  // what is refused says itself where it lies.
  std::string path;
};

// The extensions guided_json, guided_regex, guided_choice and grammar; at most one of them. `text` is the
// body, whose order counts in schemas. Throws RequestError 400.
std::optional<OutputRules> ReadGuidedRules(JsonReader& body, std::string_view text);

// `rules` of the API's own field `name`, or those of the extensions; a request may not have both.
std::optional<OutputRules> OrGuidedRules(std::optional<OutputRules> rules, std::string_view name,
                                         JsonReader& body, std::string_view text);

// response_format of a chat; nothing for the type `text`. Throws RequestError 400.
std::optional<OutputRules> ReadResponseFormat(JsonReader& body, std::string_view text);

// The rules of a JSON schema that lies at `path` of a request.
OutputRules SchemaRules(const std::string& param, const std::string& path, JsonValue schema, bool strict);

// Throws RequestError 400 that names the field, and the place within it.
std::shared_ptr<TokenConstraint> ConstraintFor(Constraints& constraints, const OutputRules& rules,
                                               bool begins_text);

}  // namespace puna
