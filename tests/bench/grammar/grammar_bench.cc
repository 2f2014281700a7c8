// What it costs to hold an answer to a form, for the vocabulary of a tokenizer.model of Llama 3:
//
//   grammar_bench MODEL_DIR/tokenizer.model
//
// Per form: how long it takes to compile, the masks of one answer when they are new and when they are known,
// and beside them what the sampler needs for a token with and without a mask.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "engine/grammar/gbnf.h"
#include "engine/grammar/json_schema.h"
#include "engine/grammar/regex.h"
#include "engine/grammar/token_constraint.h"
#include "engine/sampling/sampler.h"
#include "tests/bench/kernels/best_time.h"
#include "tokenizer/tokenizer.h"

namespace puna {
namespace {

constexpr int kRuns = 7;

struct Form {
  const char* name;
  std::function<ExpressionId(Grammar&)> build;
  std::string answer;
};

ExpressionId Schema(Grammar& grammar, const std::string& text) {
  return JsonSchema(grammar, ParseJson(text), {.closed_objects = true});
}

// An object of so many properties of all types, and an answer.
std::pair<std::string, std::string> Wide(int count) {
  std::string properties;
  std::string required;
  std::string answer;
  for (int i = 0; i < count; ++i) {
    const char* between = i > 0 ? ", " : "";
    constexpr const char* kTypes[] = {
        R"({"type":"string"})", R"({"type":"integer","minimum":0,"maximum":5000})",
        R"({"type":"array","items":{"type":"number"}})", R"({"enum":["low","high"]})",
        R"({"type":"string","format":"date-time"})"};
    constexpr const char* kValues[] = {"\"some words\"", "4321", "[1.5, -2]", "\"low\"",
                                       "\"2024-02-29T12:00:00Z\""};
    properties += fmt::format("{}\"property_{}\": {}", between, i, kTypes[i % 5]);
    required += fmt::format("{}\"property_{}\"", between, i);
    answer += fmt::format("{}\"property_{}\": {}", between, i, kValues[i % 5]);
  }
  return {fmt::format(R"({{"type":"object","properties":{{{}}},"required":[{}]}})", properties, required),
          "{" + answer + "}"};
}

std::vector<Form> Forms() {
  const auto schema = [](std::string text) { return [text](Grammar& g) { return Schema(g, text); }; };
  const auto [wide, wide_answer] = Wide(100);
  const std::string prose =
      "Once upon a time there was a small server that answered in whole sentences, always.";
  return {
      {"a string", schema(R"({"type":"string"})"), "\"" + prose + "\""},
      {"a string of at most 200", schema(R"({"type":"string","maxLength":200})"), "\"" + prose + "\""},
      {"a string of a pattern", schema(R"({"type":"string","pattern":"^[A-Za-z ,.]+$"})"),
       "\"" + prose + "\""},
      {"100 properties", schema(wide), wide_answer},
      {"any JSON", [](Grammar& g) { return AnyJson(g); },
       R"({"a": [1, 2.5, {"b": "text", "c": null}], "d": true})"},
      {"a regular expression",
       [](Grammar& g) { return Regex(g, ".*", RegexMatch::kWhole, TextEncoding::kPlain); }, prose},
      {"a grammar",
       [](Grammar& g) { return Gbnf(g, "root ::= word (\" \" word)* \".\"\nword ::= [A-Za-z,]+"); }, prose},
  };
}

std::shared_ptr<const TokenTrie> TrieOf(const Tokenizer& tokenizer) {
  std::vector<std::string_view> bytes(static_cast<size_t>(tokenizer.vocab_size()));
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id)
    if (!tokenizer.IsSpecial(id)) bytes[static_cast<size_t>(id)] = tokenizer.Bytes(id);
  const auto ends = tokenizer.stop_tokens();
  return std::make_shared<const TokenTrie>(TokenTrie::Vocabulary{bytes, {ends.begin(), ends.end()}, {}});
}

std::shared_ptr<TokenConstraint> Make(const std::shared_ptr<const TokenTrie>& trie, const Form& form) {
  Grammar grammar;
  grammar.SetRoot(form.build(grammar));
  return std::make_shared<TokenConstraint>(trie, grammar);
}

void Measure(const Tokenizer& tokenizer, const std::shared_ptr<const TokenTrie>& trie, const Form& form) {
  const std::vector<TokenId> answer = tokenizer.Encode(form.answer);
  BestTime compile(1);
  std::vector<BestTime> fresh(answer.size(), BestTime(1));
  std::vector<BestTime> known(answer.size(), BestTime(1));
  for (int run = 0; run < kRuns; ++run) {
    std::shared_ptr<TokenConstraint> constraint;
    compile.Run([&] { constraint = Make(trie, form); });
    for (auto* times : {&fresh, &known}) {
      TokenMatcher matcher(constraint);
      for (size_t i = 0; i < answer.size(); ++i) {
        (*times)[i].Run([&] { matcher.Allowed(); });
        matcher.Accept(answer[i]);
      }
    }
  }
  const auto mean = [](const std::vector<BestTime>& times) {
    double sum = 0;
    for (const BestTime& time : times) sum += time.seconds();
    return sum / static_cast<double>(times.size());
  };
  const double worst = std::ranges::max(fresh, {}, &BestTime::seconds).seconds();
  std::puts(fmt::format("{:<26} {:>12.3f} {:>14.3f} {:>14.3f} {:>14.4f} {:>8}", form.name,
                        compile.seconds() * 1e3, mean(fresh) * 1e3, worst * 1e3, mean(known) * 1e3,
                        answer.size())
                .c_str());
}

void MeasureSampler(size_t vocab_size, const TokenMask& few, const TokenMask& many) {
  std::vector<float> logits(vocab_size);
  for (size_t i = 0; i < vocab_size; ++i) logits[i] = static_cast<float>(i * 2654435761u % 1000) * 0.01f;
  Sampler sampler{SamplingParams{}, {}, 1};
  const auto time = [&](std::span<const uint64_t> mask) {
    BestTime best(1);
    for (int run = 0; run < 20 * kRuns; ++run) best.Run([&] { sampler.Choose(logits, mask); });
    return best.seconds() * 1e3;
  };
  std::puts(fmt::format("\ngreedy choice, ms: {:.3f} without a mask, {:.3f} where few tokens are allowed, "
                        "{:.3f} where most are",
                        time({}), time(few), time(many))
                .c_str());
}

int Run(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto tokenizer = Tokenizer::FromTiktoken(bytes, path);
  std::shared_ptr<const TokenTrie> trie;
  BestTime build(1);
  build.Run([&] { trie = TrieOf(*tokenizer); });
  std::puts(fmt::format("{} tokens; {} nodes, {} of tokens that are not plain; made in {:.0f} ms\n",
                        tokenizer->vocab_size(), trie->nodes().size(), trie->other_nodes().size(),
                        build.seconds() * 1e3)
                .c_str());
  std::puts(fmt::format("{:<26} {:>12} {:>14} {:>14} {:>14} {:>8}", "ms", "compile", "mask, new", "worst",
                        "mask, known", "tokens")
                .c_str());
  for (const Form& form : Forms()) Measure(*tokenizer, trie, form);
  const auto masks = [&](const char* schema, const char* before) {
    TokenMatcher matcher(Make(trie, {"", [&](Grammar& g) { return Schema(g, schema); }, ""}));
    for (const TokenId token : tokenizer->Encode(before)) matcher.Accept(token);
    return *matcher.Allowed();
  };
  MeasureSampler(trie->vocab_size(), masks(R"({"enum":["a","b"]})", ""), masks(R"({"type":"string"})", "\""));
  return 0;
}

}  // namespace
}  // namespace puna

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: grammar_bench TOKENIZER_MODEL\n", stderr);
    return 2;
  }
  return puna::Run(argv[1]);
}
