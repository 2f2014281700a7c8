#include <fmt/format.h>

#include <cmath>

#include "tests/hostile/kinds.h"
#include "tests/support/sentencepiece_builder.h"
#include "tests/support/tiny_model.h"

namespace puna::test {
namespace {

const std::string kFile = "tokenizer.model";

Kind Tokenizer(std::string name, std::string bytes, std::string words) {
  return Content(std::move(name), kFile, std::move(bytes), std::move(words));
}

void AddTiktoken(std::vector<Kind>& kinds) {
  const std::string right = TokenizerOf({});
  const std::string first = right.substr(0, right.find('\n') + 1);
  const std::string rest = right.substr(first.size());
  kinds.push_back(Tokenizer("one line", first, "expected a token for every single byte"));
  kinds.push_back(Tokenizer("no rank", "AA==\n" + rest, "line 1: expected base64, a space and a rank"));
  kinds.push_back(
      Tokenizer("a rank of words", "AA== zero\n" + rest, "line 1: expected rank 0, found 'zero'"));
  kinds.push_back(Tokenizer("a negative rank", "AA== -1\n" + rest, "line 1: expected rank 0"));
  kinds.push_back(
      Tokenizer("a rank that wraps", "AA== 18446744073709551616\n" + rest, "line 1: expected rank 0"));
  kinds.push_back(Tokenizer("a rank too high", "AA== 1\n" + rest, "line 1: expected rank 0, found '1'"));
  kinds.push_back(Tokenizer("a rank twice", first + first + rest, "line 2: expected rank 1, found '0'"));
  kinds.push_back(Tokenizer("two spaces", "AA==  0\n" + rest, "line 1"));
  kinds.push_back(Tokenizer("a tab", "AA==\t0\n" + rest, "line 1"));
  kinds.push_back(Tokenizer("bad base64", "A*== 0\n" + rest, "line 1: expected base64, found 'A*=='"));
  kinds.push_back(Tokenizer("base64 cut short", "AA= 0\n" + rest, "line 1: expected base64"));
  kinds.push_back(Tokenizer("base64 with bits left", "AB== 0\n" + rest, "line 1: expected base64"));
  kinds.push_back(Tokenizer("base64 of nothing", " 0\n" + rest, "line 1"));
  kinds.push_back(Tokenizer("a line that is empty", first + "\n" + rest, "line 2"));
  kinds.push_back(Tokenizer("a token twice", right + "AA== 256\n", "the token of line 1 again"));
  kinds.push_back(Tokenizer("a token too long", right + std::string(1400, 'A') + " 256\n",
                            "expected a token of at most 1024 bytes"));
  kinds.push_back(Tokenizer("one endless line", std::string(20 << 20, 'A'), "line 1"));
  kinds.push_back(Tokenizer("control bytes", "\x01\x02\x1b[31m 0\n" + rest, "\\x1B[31m"));
  kinds.push_back(Tokenizer("cut in a line", right.substr(0, right.size() - 6), "tokenizer.model: "));
  kinds.push_back(Tokenizer("a token missing", right.substr(0, right.rfind('/')), "tokenizer.model: "));
  kinds.push_back(Tokenizer("a token more", right + "QUI= 256\n", "the tokenizer has 513 tokens"));
  kinds.push_back(Tokenizer("Hugging Face's file", "{\"version\": \"1.0\", \"model\": {}}", "JSON"));
  kinds.push_back(
      Tokenizer("Llama 2's file", TokenizerOf({.sentencepiece = true}), "the tokenizer has 272 tokens"));
}

template <typename Change>
SentencePieceBuilder Changed(Change change) {
  SentencePieceBuilder builder;
  change(builder);
  return builder;
}

void AddSentencePiece(std::vector<Kind>& kinds) {
  using Builder = SentencePieceBuilder;
  const auto add = [&](const std::string& name, const Builder& builder, const std::string& words) {
    kinds.push_back(Tokenizer("sentencepiece: " + name, builder.Build(), words));
  };
  add("unigram", Changed([](Builder& b) { b.model_type = 1; }), "'model_type'");
  add("no byte fallback", Changed([](Builder& b) { b.byte_fallback = false; }), "'byte_fallback'");
  add("removes spaces", Changed([](Builder& b) { b.removes_spaces = true; }), "'remove_extra_whitespaces'");
  add("keeps spaces", Changed([](Builder& b) { b.escapes_spaces = false; }), "'escape_whitespaces'");
  add("space after", Changed([](Builder& b) { b.space_after = true; }), "'treat_whitespace_as_suffix'");
  add("normalizes", Changed([](Builder& b) { b.charsmap = "map"; }), "'normalizer_spec'");
  add("an empty piece", Builder().Piece("", 0), "piece 259: is empty");
  add("a piece twice", Builder().Piece("a", 0).Piece("a", 0), "piece 260: 'a' again");
  add("a score that is no number", Builder().Piece("a", NAN), "piece 259: its score");
  add("an unused piece", Builder().Piece("a", 0, 5), "expected a type from 1 to 4 or 6, found 5");
  add("a type that wraps", Builder().Piece("a", 0, uint64_t{1} << 32 | 1), "found 4294967297");
  add("a byte twice", Builder().Piece("<0x0a>", 0, 6), "byte <0x0a> again");
  add("a byte that is none", Builder().Piece("<0x-1>", 0, 6), "expected a byte");
  add("a piece too long", Builder().Piece(std::string(5000, 'a'), 0), "at most 1024 bytes");
  add("control bytes", Builder().Piece("\x1b[31m\n", 0).Piece("\x1b[31m\n", 0), "'\\x1B[31m\\x0A' again");
  add("no <s>", Changed([](Builder& b) { b.NoPieces().Piece("</s>", 0, 3); }), "'<s>'");
  add("bytes missing", Changed([](Builder& b) { b.NoPieces().Piece("<s>", 0, 3).Piece("</s>", 0, 3); }),
      "0x00");
  add("another number of pieces", Builder().Piece("a", 0), "the tokenizer has 260 tokens");
  const std::string right = Builder().Build();
  kinds.push_back(Tokenizer("sentencepiece: cut short", right.substr(0, right.size() - 3), "offset"));
  kinds.push_back(Tokenizer("sentencepiece: half", right.substr(0, right.size() / 2), "tokenizer.model: "));
  kinds.push_back(Tokenizer("sentencepiece: a piece of 2^63 bytes", "\n\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
                            "0 are left"));
  kinds.push_back(
      Tokenizer("sentencepiece: a number without end", "\n" + std::string(64, '\xff'), "64 bits"));
  kinds.push_back(
      Tokenizer("sentencepiece: a group", "\n" + std::string(1, '\0') + "\x0b\x0c", "tokenizer.model: "));
  kinds.push_back(Tokenizer("sentencepiece: pieces in pieces",
                            ProtobufText(1, ProtobufText(1, ProtobufText(1, right))), "tokenizer.model: "));
}

}  // namespace

std::vector<Kind> TokenizerKinds() {
  std::vector<Kind> kinds;
  AddTiktoken(kinds);
  AddSentencePiece(kinds);
  return kinds;
}

}  // namespace puna::test
