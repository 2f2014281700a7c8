#include "engine/grammar/gbnf.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/grammar/char_set.h"
#include "engine/grammar/code_point_reader.h"
#include "engine/grammar/code_points.h"
#include "engine/grammar/grammar_error.h"

namespace puna {
namespace {

constexpr int kMaxGroups = 50;
constexpr int kMaxCount = 1'000'000;  // of a quantifier
constexpr int kMaxQuantifiers = 4;    // of one another
constexpr size_t kMaxRules = 5000;
constexpr size_t kMaxText = 200'000;  // characters

class Parser final : CodePointReader {
 public:
  Parser(Grammar& grammar, std::vector<uint32_t> text)
      : CodePointReader(std::move(text), "it"), grammar_(grammar) {}

  ExpressionId Parse() {
    SkipBlanks(/*lines=*/true);
    while (!AtEnd()) {
      const std::string name = Name();
      if (name.empty()) Refuse("expected the name of a rule");
      SkipBlanks(false);
      if (!Skip("::=")) Refuse("expected '::='");
      Rule& rule = Known(name);
      if (std::exchange(rule.defined, true)) Refuse("the rule '" + name + "' is defined twice");
      const RuleId id = rule.id;
      SkipBlanks(true);
      grammar_.Define(id, Alternatives(0));
      SkipBlanks(true);
    }
    for (const auto& [name, rule] : rules_)
      if (!rule.defined) throw GrammarError("the rule '" + Printable(name, 60) + "' is used but not defined");
    const auto root = rules_.find("root");
    if (root == rules_.end()) throw GrammarError("there is no rule 'root'");
    return grammar_.Use(root->second.id);
  }

 private:
  struct Rule {
    RuleId id = -1;
    bool defined = false;
  };

  [[noreturn]] void Refuse(const std::string& what) const override {
    const auto line =
        1 + std::count(text_.begin(), text_.begin() + static_cast<ptrdiff_t>(at_), uint32_t{'\n'});
    throw GrammarError(what + " in line " + std::to_string(line));
  }

  void SkipBlanks(bool lines) {
    for (; !AtEnd(); ++at_) {
      if (Sees('#')) {
        while (!AtEnd() && !Sees('\n')) ++at_;
        if (AtEnd()) return;
      }
      const bool line_end = Sees('\n') || Sees('\r');
      if (!Sees(' ') && !Sees('\t') && !(lines && line_end)) return;
    }
  }

  static bool IsNameChar(uint32_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  }
  std::string Name() {
    std::string name;
    while (!AtEnd() && IsNameChar(Here())) name.push_back(static_cast<char>(text_[at_++]));
    return name;
  }

  Rule& Known(const std::string& name) {
    Rule& rule = rules_[name];
    if (rule.id >= 0) return rule;
    if (rules_.size() > kMaxRules) Refuse("more than " + std::to_string(kMaxRules) + " rules");
    rule.id = grammar_.AddRule();
    return rule;
  }

  // Within a group lines may end anywhere; outside only where something has to follow.
  ExpressionId Alternatives(int depth) {
    std::vector<ExpressionId> alternatives;
    do {
      SkipBlanks(true);
      alternatives.push_back(Sequence(depth));
    } while (Skip("|"));
    return grammar_.Choice(std::move(alternatives));
  }

  ExpressionId Sequence(int depth) {
    std::vector<ExpressionId> parts;
    while (!AtEnd() && !Sees('|') && !Sees(')')) {
      // A name before ::= begins the next rule.
      const size_t before = at_;
      const bool next_rule = !Name().empty() && (SkipBlanks(false), SeesText("::="));
      at_ = before;
      if (next_rule) break;
      parts.push_back(Quantified(depth));
      SkipBlanks(/*lines=*/true);
    }
    return grammar_.Sequence(std::move(parts));
  }

  ExpressionId Quantified(int depth) {
    ExpressionId atom = Atom(depth);
    for (int quantifiers = 0;; ++quantifiers) {
      if (quantifiers > kMaxQuantifiers) Refuse("too many quantifiers after each other");
      if (Skip("*")) {
        atom = grammar_.Repeat(atom, 0, Grammar::kUnbounded);
      } else if (Skip("+")) {
        atom = grammar_.Repeat(atom, 1, Grammar::kUnbounded);
      } else if (Skip("?")) {
        atom = grammar_.Optional(atom);
      } else if (Skip("{")) {
        const auto [min, max] = Counts(kMaxCount, "a count");
        atom = grammar_.Repeat(atom, min, max);
      } else {
        return atom;
      }
    }
  }

  ExpressionId Atom(int depth) {
    if (Skip("\"")) {
      std::vector<ExpressionId> parts;
      while (!Skip("\"")) parts.push_back(Chars(CharSet::Of(Char())));
      return grammar_.Sequence(std::move(parts));
    }
    if (Skip("[")) return Chars(Class());
    if (Skip(".")) return Chars(CharSet::All());
    if (Skip("(")) {
      if (depth >= kMaxGroups) Refuse("groups nested too deeply");
      const ExpressionId inner = Alternatives(depth + 1);
      SkipBlanks(true);
      if (!Skip(")")) Refuse("expected ')'");
      return inner;
    }
    const std::string name = Name();
    if (name.empty()) Refuse("expected a text, a class, a name or a group");
    return grammar_.Use(Known(name).id);
  }

  ExpressionId Chars(const CharSet& set) { return OneOf(grammar_, set, TextEncoding::kPlain); }

  CharSet Class() {
    const bool inverted = Skip("^");
    CharSet set;
    while (!Skip("]")) {
      const uint32_t low = Char();
      uint32_t high = low;
      if (Sees('-') && !SeesText("-]")) {
        Skip("-");
        high = Char();
      }
      if (high < low) Refuse("a range out of order");
      set.Add(low, high);
    }
    return inverted ? set.Inverted() : set;
  }

  uint32_t Char() {
    const uint32_t c = Take();
    if (c != '\\') return c;
    const uint32_t escaped = Take();
    switch (escaped) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'x':
        return CodePoint(2);
      case 'u':
        return CodePoint(4);
      case 'U':
        return CodePoint(8);
      default:
        return escaped;
    }
  }

  uint32_t CodePoint(int digits) {
    const uint32_t value = Hex(digits);
    if (value > CharSet::kLast) Refuse("a character beyond 10FFFF");
    return value;
  }

  Grammar& grammar_;
  std::map<std::string, Rule> rules_;
};

}  // namespace

ExpressionId Gbnf(Grammar& grammar, std::string_view text) {
  auto points = CodePoints(text);
  if (!points) throw GrammarError("the grammar is not UTF-8");
  if (points->size() > kMaxText)
    throw GrammarError("the grammar has more than " + std::to_string(kMaxText) + " characters");
  return Parser(grammar, *std::move(points)).Parse();
}

}  // namespace puna
