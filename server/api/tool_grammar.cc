#include <fmt/format.h>

#include "engine/base/check.h"
#include "engine/grammar/char_set.h"
#include "engine/grammar/grammar_error.h"
#include "engine/grammar/json_layout.h"
#include "engine/grammar/json_schema.h"
#include "server/api/tools.h"

namespace puna {
namespace {

class CallGrammar {
 public:
  explicit CallGrammar(Grammar& grammar) : grammar_(grammar), layout_(grammar) {}

  ExpressionId Calls(const ToolUse& use) {
    std::vector<ExpressionId> choices;
    for (const Tool& tool : use.tools) choices.push_back(Call(tool));
    const ExpressionId call = grammar_.AsRule(grammar_.Choice(std::move(choices)));
    if (!use.parallel) return call;
    const ExpressionId next = grammar_.Sequence({grammar_.Literal(";"), layout_.blank(), call});
    return grammar_.Sequence({call, grammar_.Repeat(next, 0, kMaxCalls - 1)});
  }

  ExpressionId Tag() { return grammar_.Symbol(Constraints::kPythonTag); }

  // Any text that does not begin with {"name" (with or without blanks), as a call does.
  ExpressionId Text() {
    constexpr std::string_view kBlanks = " \t\r\n";
    CharSet blanks;
    for (const char c : kBlanks) blanks.Add(static_cast<uint8_t>(c), static_cast<uint8_t>(c));
    const ExpressionId rest = grammar_.AsRule(grammar_.Repeat(One(CharSet::All()), 0, Grammar::kUnbounded));
    // From the end of the word to its beginning: it ends here, or goes on otherwise, or goes on as the word.
    const std::string_view word = "\"name\"";
    ExpressionId after = grammar_.Never();
    for (size_t i = word.size(); i-- > 0;) {
      const auto c = static_cast<uint8_t>(word[i]);
      CharSet others = CharSet::Of(c);
      if (i == 0) others.Add(blanks);
      after = grammar_.Choice({grammar_.Empty(), grammar_.Sequence({One(others.Inverted()), rest}),
                               grammar_.Sequence({One(CharSet::Of(c)), after})});
    }
    const ExpressionId brace = grammar_.Sequence(
        {grammar_.Literal("{"), grammar_.Repeat(One(blanks), 0, Grammar::kUnbounded), after});
    return grammar_.Choice(
        {grammar_.Empty(), grammar_.Sequence({One(CharSet::Of('{').Inverted()), rest}), brace});
  }

 private:
  ExpressionId One(const CharSet& set) { return OneOf(grammar_, set, TextEncoding::kPlain); }

  ExpressionId Call(const Tool& tool) {
    ExpressionId arguments = -1;
    try {
      arguments = JsonSchema(grammar_, tool.parameters, {.closed_objects = tool.strict});
    } catch (const GrammarError& error) {
      throw GrammarError(error.what(), tool.path + (error.path().empty() ? "" : "." + error.path()));
    }
    JsonLayout::ObjectParts parts;
    parts.properties = {
        {layout_.Member(grammar_.Literal("\"name\""), grammar_.Literal(JsonQuoted(tool.name))), true},
        {layout_.Member(grammar_.Literal("\"parameters\""), arguments), true}};
    return layout_.Object(parts);
  }

  Grammar& grammar_;
  JsonLayout layout_;
};

std::string KeyOf(const ToolUse& use, const std::optional<OutputRules>& content) {
  std::string key = fmt::format("tools:{}:{}:", static_cast<int>(use.mode), use.parallel);
  // Lengths keep apart what runs together.
  for (const Tool& tool : use.tools) {
    const std::string schema = tool.parameters.Dump();
    key += fmt::format("{}:{}:{}:{}", tool.name, tool.strict, schema.size(), schema);
  }
  if (content) key += content->key;
  return key;
}

}  // namespace

OutputRules ToolRules(const ToolUse& use, const std::optional<OutputRules>& content) {
  CHECK(use.any());
  OutputRules rules;
  rules.param = "tools";
  rules.key = KeyOf(use, content);
  rules.build = [use, content](Grammar& grammar) {
    CallGrammar calls(grammar);
    const ExpressionId some = calls.Calls(use);
    if (use.mode == ToolUse::Mode::kRequired) return grammar.Sequence({grammar.Optional(calls.Tag()), some});
    if (!content)
      return grammar.Choice({calls.Text(), grammar.Sequence({grammar.Optional(calls.Tag()), some})});
    ExpressionId text = -1;
    try {
      text = content->build(grammar);
    } catch (const GrammarError& error) {
      throw GrammarError(error.what(), content->path + (error.path().empty() ? "" : "." + error.path()));
    }
    return grammar.Choice({text, grammar.Sequence({calls.Tag(), some})});
  };
  return rules;
}

}  // namespace puna
