#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/grammar/grammar_error.h"
#include "engine/grammar/json_schema.h"
#include "engine/grammar/token_constraint.h"

namespace puna {

// A vocabulary of all single bytes, token i being byte i, then `more`, an end token, and one symbol.
struct TestVocabulary {
  explicit TestVocabulary(const std::vector<std::string>& more = {}) {
    for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
    texts.insert(texts.end(), more.begin(), more.end());
    end = static_cast<int32_t>(texts.size());
    symbol = end + 1;
    std::vector<std::string_view> views(texts.begin(), texts.end());
    views.resize(texts.size() + 2);
    trie = std::make_shared<const TokenTrie>(TokenTrie::Vocabulary{views, {end}, {symbol}});
  }

  std::vector<std::string> texts;
  int32_t end;
  int32_t symbol;
  std::shared_ptr<const TokenTrie> trie;
};

inline std::shared_ptr<TokenConstraint> ConstraintOf(const Grammar& grammar) {
  static const TestVocabulary vocabulary;
  return std::make_shared<TokenConstraint>(vocabulary.trie, grammar);
}

inline std::shared_ptr<TokenConstraint> SchemaConstraint(std::string_view schema,
                                                         SchemaOptions options = {}) {
  Grammar grammar;
  grammar.SetRoot(JsonSchema(grammar, ParseJson(schema), options));
  return ConstraintOf(grammar);
}

// Whether the schema's grammar has this document.
inline bool Allows(std::string_view schema, std::string_view document, SchemaOptions options = {}) {
  return SchemaConstraint(schema, options)->Matches(document);
}

// "path: message" of a refusal; "" if there is none.
inline std::string RefusalOf(std::string_view schema) {
  try {
    SchemaConstraint(schema);
  } catch (const GrammarError& error) {
    return error.path() + ": " + error.what();
  }
  return "";
}

}  // namespace puna
