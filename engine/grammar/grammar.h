#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace puna {

using ExpressionId = int32_t;
using RuleId = int32_t;

// A context-free language over bytes, and over a few tokens that have no bytes of their own: expressions that
// may name rules, and rules that are expressions, so that a language can be recursive. Built by whoever reads
// a schema, a pattern or a grammar's text; read by PushdownAutomaton. Expressions may be shared.
//
// Its size is bounded: what needs more than kMaxSize throws GrammarError.
class Grammar {
 public:
  static constexpr size_t kMaxSize = 800'000;  // expressions and their parts
  static constexpr int kUnbounded = -1;
  static constexpr int kMostRepeats = 1'000'000'000;
  static constexpr int kSymbols = 8;

  enum class Kind : uint8_t { kBytes, kLiteral, kSymbol, kSequence, kChoice, kRepeat, kRule };
  struct Expression {
    Kind kind;
    uint8_t low = 0;    // kBytes: one byte in [low, high]
    uint8_t high = 0;   //
    int32_t first = 0;  // kLiteral, kSequence, kChoice: the first part; kRepeat: what; kRule: which; kSymbol
    int32_t count = 0;  // parts
    int32_t min = 0;    // kRepeat
    int32_t max = 0;    // kRepeat; kUnbounded
  };

  ExpressionId Empty() { return Literal(""); }
  // What nothing matches.
  ExpressionId Never() { return Choice({}); }
  ExpressionId Literal(std::string_view bytes);
  ExpressionId Byte(uint8_t low, uint8_t high);
  // A token that stands for itself; which one, the TokenTrie says. REQUIRES: 0 <= symbol < kSymbols.
  ExpressionId Symbol(int symbol);
  ExpressionId Sequence(std::vector<ExpressionId> parts);
  ExpressionId Choice(std::vector<ExpressionId> parts);
  // REQUIRES: 0 <= min <= max, or max is kUnbounded.
  ExpressionId Repeat(ExpressionId repeated, int min, int max);
  ExpressionId Optional(ExpressionId part) { return Repeat(part, 0, 1); }

  // A rule may be used before it is defined.
  RuleId AddRule();
  void Define(RuleId rule, ExpressionId expression);
  ExpressionId Use(RuleId rule);
  ExpressionId AsRule(ExpressionId expression);  // used in many places, but stored once

  void SetRoot(ExpressionId root) { root_ = root; }
  ExpressionId root() const { return root_; }

  const Expression& expression(ExpressionId id) const { return expressions_[static_cast<size_t>(id)]; }
  ExpressionId part(const Expression& of, int32_t i) const {
    return parts_[static_cast<size_t>(of.first + i)];
  }
  std::string_view literal(const Expression& of) const {
    return std::string_view(bytes_).substr(static_cast<size_t>(of.first), static_cast<size_t>(of.count));
  }
  ExpressionId rule(RuleId id) const { return rules_[static_cast<size_t>(id)]; }
  size_t rules() const { return rules_.size(); }

 private:
  ExpressionId Add(Expression expression);
  ExpressionId AddParts(Kind kind, const std::vector<ExpressionId>& parts);
  void CheckSize() const;

  std::vector<Expression> expressions_;
  std::vector<ExpressionId> parts_;
  std::string bytes_;
  std::vector<ExpressionId> rules_;  // -1: not yet defined
  ExpressionId root_ = -1;
};

}  // namespace puna
