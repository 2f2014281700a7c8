#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/grammar/gbnf.h"
#include "engine/grammar/grammar_error.h"
#include "engine/grammar/json_schema.h"
#include "engine/grammar/regex.h"
#include "engine/grammar/token_constraint.h"
#include "tests/fuzz/fuzz_targets.h"

namespace puna::fuzz {
namespace {

std::string_view TextOf(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// All single bytes, some longer tokens, and an end.
std::shared_ptr<const TokenTrie> Vocabulary() {
  static const auto trie = [] {
    std::vector<std::string> texts;
    for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
    for (const char* more : {"{\"", "\":", "abc", "\xC3\xA4", "true", "null", "12", "-1", "\"}", "\n  "})
      texts.emplace_back(more);
    std::vector<std::string_view> views(texts.begin(), texts.end());
    const auto end = static_cast<int32_t>(views.size());
    views.emplace_back();
    return std::make_shared<const TokenTrie>(TokenTrie::Vocabulary{views, {end}, {-1}});
  }();
  return trie;
}

// Goes where the input chooses among what is allowed: whatever a mask allows is accepted. Each step has its
// bound of work; a second for all of them is enough.
void Walk(const Grammar& grammar, std::string_view choices) {
  TokenMatcher matcher(std::make_shared<TokenConstraint>(Vocabulary(), grammar));
  const auto end = Vocabulary()->end_tokens().front();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  for (const char choice : choices.substr(0, 30)) {
    if (std::chrono::steady_clock::now() > until) return;
    const auto mask = matcher.Allowed();
    std::vector<int32_t> allowed;
    for (int32_t token = 0; token < end; ++token)
      if (IsAllowed(*mask, token)) allowed.push_back(token);
    // Either the end, or one of the bounds that configurations.h names.
    if (allowed.empty()) return;
    matcher.Accept(allowed[static_cast<uint8_t>(choice) % allowed.size()]);
  }
}

template <typename Build>
void MakeOrRefuse(std::string_view input, Build build) {
  try {
    Grammar grammar;
    grammar.SetRoot(build(grammar));
    Walk(grammar, input);
  } catch (const GrammarError& error) {
    CHECK(std::string_view(error.what()).find('\n') == std::string_view::npos) << error.what();
  }
}

void JsonSchemaText(std::span<const std::byte> input) {
  const std::string_view text = TextOf(input);
  for (const bool closed : {false, true}) {
    MakeOrRefuse(text, [&](Grammar& grammar) {
      return JsonSchema(grammar, ParseJson(text), {.closed_objects = closed});
    });
  }
}

// The first byte says which notation the rest is in.
void TextGrammar(std::span<const std::byte> input) {
  if (input.empty()) return;
  const std::string_view text = TextOf(input.subspan(1));
  const auto notation = static_cast<char>(input[0]);
  MakeOrRefuse(text, [&](Grammar& grammar) {
    if (notation == 'g') return Gbnf(grammar, text);
    const RegexMatch match = notation == 'w' ? RegexMatch::kWhole : RegexMatch::kAnywhere;
    return Regex(grammar, text, match,
                 match == RegexMatch::kWhole ? TextEncoding::kPlain : TextEncoding::kJsonString);
  });
}

constexpr std::array<Target, 2> kTargets{{{"json_schema", JsonSchemaText}, {"text_grammar", TextGrammar}}};

}  // namespace

std::span<const Target> GrammarTargets() { return kTargets; }

}  // namespace puna::fuzz
