#include "server/api/responses/text_format.h"

#include <string>

#include "engine/grammar/json_schema.h"
#include "engine/grammar/json_value.h"

namespace puna {
namespace {

constexpr const char* kParam = "text.format";
constexpr size_t kMaxName = 64;

}  // namespace

std::optional<OutputRules> ReadTextFormat(JsonReader& body, std::string_view text) {
  const Json* config = body.Object("text");
  if (config == nullptr) return std::nullopt;
  JsonReader reader(*config, "text");
  // About the length of answers; these models were not trained for it.
  reader.Enum("verbosity", {"low", "medium", "high"});
  const Json* json = reader.Object("format");
  if (json == nullptr) return std::nullopt;
  JsonReader format(*json, kParam);
  format.Require("type");
  const std::string type = *format.Enum("type", {"text", "json_object", "json_schema"});
  if (type == "text") return std::nullopt;
  if (type == "json_object")
    return OutputRules{kParam, type, [](Grammar& grammar) { return AnyJsonObject(grammar); }, kParam};
  format.RequireIdentifier("name", kMaxName);
  format.String("description");
  const bool strict = format.Bool("strict").value_or(false);
  const Json& schema = format.Require("schema");
  if (!schema.is_object()) RefuseType(format.Path("schema"), "an object", schema);
  const JsonValue ordered = ParseJson(text);
  return SchemaRules(kParam, format.Path("schema"), *ordered.Find("text")->Find("format")->Find("schema"),
                     strict);
}

}  // namespace puna
