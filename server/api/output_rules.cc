#include "server/api/output_rules.h"

#include <fmt/format.h>

#include <initializer_list>
#include <utility>
#include <vector>

#include "engine/grammar/gbnf.h"
#include "engine/grammar/grammar_error.h"
#include "engine/grammar/json_schema.h"
#include "engine/grammar/regex.h"

namespace puna {
namespace {

constexpr size_t kMaxChoices = 10'000;
constexpr size_t kMaxName = 64;

// A value of the body in its own order. REQUIRES: it is there.
JsonValue Ordered(std::string_view text, std::initializer_list<std::string_view> path) {
  const JsonValue body = ParseJson(text);
  const JsonValue* value = &body;
  for (const std::string_view name : path) value = value->Find(name);
  return *value;
}

OutputRules JsonObjectRules() {
  return {"response_format", "json_object", [](Grammar& grammar) { return AnyJsonObject(grammar); },
          "response_format"};
}

bool IsSchema(const Json& value) { return value.is_object() || value.is_boolean(); }

// vLLM also takes the schema as a text.
OutputRules ReadGuidedJson(const Json& value, std::string_view text) {
  if (IsSchema(value))
    return SchemaRules("guided_json", "guided_json", Ordered(text, {"guided_json"}), false);
  if (!value.is_string()) RefuseType("guided_json", "a JSON schema", value);
  try {
    return SchemaRules("guided_json", "guided_json", ParseJson(value.get_ref<const std::string&>()), false);
  } catch (const GrammarError& error) {
    RefuseValue("guided_json", error.what());
  }
}

OutputRules ReadGuidedChoice(const Json& choices) {
  if (!choices.is_array()) RefuseType("guided_choice", "an array of strings", choices);
  if (choices.empty() || choices.size() > kMaxChoices)
    RefuseValue("guided_choice", fmt::format("expected between 1 and {} choices.", kMaxChoices));
  std::vector<std::string> texts;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (!choices[i].is_string()) RefuseType(fmt::format("guided_choice[{}]", i), "a string", choices[i]);
    texts.push_back(choices[i].get<std::string>());
  }
  const std::string key = "choice:" + choices.dump();
  const auto build = [texts = std::move(texts)](Grammar& grammar) {
    std::vector<ExpressionId> parts;
    for (const std::string& text : texts) parts.push_back(grammar.Literal(text));
    return grammar.Choice(std::move(parts));
  };
  return {"guided_choice", key, build, "guided_choice"};
}

}  // namespace

OutputRules SchemaRules(const std::string& param, const std::string& path, JsonValue schema, bool strict) {
  std::string key = (strict ? "strict:" : "schema:") + schema.Dump();
  auto build = [schema = std::move(schema), strict](Grammar& grammar) {
    return JsonSchema(grammar, schema, {.closed_objects = strict});
  };
  return {param, std::move(key), std::move(build), path};
}

std::optional<OutputRules> ReadGuidedRules(JsonReader& body, std::string_view text) {
  std::optional<OutputRules> rules;
  const auto set = [&rules](OutputRules read) {
    if (rules) RefuseValue(read.param, fmt::format("it cannot be used together with '{}'.", rules->param));
    rules = std::move(read);
  };
  if (const Json* schema = body.Find("guided_json")) set(ReadGuidedJson(*schema, text));
  if (const auto pattern = body.String("guided_regex")) {
    const auto build = [pattern = *pattern](Grammar& grammar) {
      return Regex(grammar, pattern, RegexMatch::kWhole, TextEncoding::kPlain);
    };
    set({"guided_regex", "regex:" + *pattern, build, "guided_regex"});
  }
  if (const Json* choices = body.Find("guided_choice")) set(ReadGuidedChoice(*choices));
  if (const auto gbnf = body.String("grammar")) {
    const auto build = [gbnf = *gbnf](Grammar& grammar) { return Gbnf(grammar, gbnf); };
    set({"grammar", "grammar:" + *gbnf, build, "grammar"});
  }
  return rules;
}

std::optional<OutputRules> ReadResponseFormat(JsonReader& body, std::string_view text) {
  const Json* format = body.Find("response_format");
  if (format == nullptr) return std::nullopt;
  JsonReader reader(*format, "response_format");
  reader.Require("type");
  const std::string type = *reader.Enum("type", {"text", "json_object", "json_schema"});
  if (type == "text") return std::nullopt;
  if (type == "json_object") return JsonObjectRules();
  JsonReader named(reader.Require("json_schema"), "response_format.json_schema");
  named.RequireIdentifier("name", kMaxName);
  named.String("description");
  const bool strict = named.Bool("strict").value_or(false);
  const Json* schema = named.Find("schema");
  // Without a schema any JSON will do.
  if (schema == nullptr)
    return SchemaRules("response_format", named.Path("schema"), JsonValue::Object(), false);
  if (!IsSchema(*schema)) RefuseType(named.Path("schema"), "an object", *schema);
  return SchemaRules("response_format", named.Path("schema"),
                     Ordered(text, {"response_format", "json_schema", "schema"}), strict);
}

std::shared_ptr<TokenConstraint> ConstraintFor(Constraints& constraints, const OutputRules& rules,
                                               bool begins_text) {
  try {
    return constraints.Get(rules.key, rules.build, begins_text);
  } catch (const GrammarError& error) {
    std::string path = rules.path;
    if (!path.empty() && !error.path().empty()) path += ".";
    path += Printable(error.path(), 300);
    RefuseValue(path.empty() ? rules.param : path, std::string(error.what()) + ".");
  }
}

std::optional<OutputRules> OrGuidedRules(std::optional<OutputRules> rules, std::string_view name,
                                         JsonReader& body, std::string_view text) {
  std::optional<OutputRules> guided = ReadGuidedRules(body, text);
  if (rules && guided) RefuseValue(guided->param, fmt::format("it cannot be used together with '{}'.", name));
  return guided ? std::move(guided) : std::move(rules);
}

}  // namespace puna
