#include "server/model_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>

#include "engine/base/error.h"
#include "engine/tensor/matrix_view.h"

namespace puna {
namespace {

std::string DescribeTokenizer(const ModelDir& dir, const Tokenizer& tokenizer) {
  int special = 0;
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) special += tokenizer.IsSpecial(id) ? 1 : 0;
  return fmt::format(
      "{}, {} tokens, {} of them special",
      dir.tokenizer_kind == TokenizerKind::kTiktoken ? "tiktoken (Llama 3)" : "sentencepiece (Llama 1 and 2)",
      tokenizer.vocab_size(), special);
}

// Rows that training has never moved are zero or next to it, or equal to each other.
bool NeverTrained(const MatrixView& embeddings, TokenId a, TokenId b) {
  constexpr float kNothing = 1e-7f;
  bool zero = true;
  bool equal = true;
  for (int64_t i = 0; i < embeddings.cols; ++i) {
    const float x = At(embeddings, a, i);
    const float y = At(embeddings, b, i);
    zero = zero && std::fabs(x) < kNothing && std::fabs(y) < kNothing;
    equal = equal && x == y;
  }
  return zero || equal;
}

bool HasUntrainedHeaders(const ModelDir& dir, const Tokenizer& tokenizer) {
  const auto start = tokenizer.Special("<|start_header_id|>");
  const auto end = tokenizer.Special("<|end_header_id|>");
  return start && end && NeverTrained(dir.weights.tok_embeddings, *start, *end);
}

}  // namespace

bool IsNameOfBaseModel(const std::string& name) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const std::string_view other : {"instruct", "chat", "guard"}) {
    if (lower.find(other) != std::string::npos) return false;
  }
  // "7b", "70B": how many parameters.
  bool size = false;
  for (size_t i = 1; i < lower.size(); ++i) {
    const bool ends = i + 1 == lower.size() || std::isalnum(static_cast<unsigned char>(lower[i + 1])) == 0;
    size = size || (lower[i] == 'b' && std::isdigit(static_cast<unsigned char>(lower[i - 1])) != 0 && ends);
  }
  return size && lower.find("llama") != std::string::npos;
}

std::unique_ptr<Tokenizer> LoadTokenizer(const ModelDir& dir) {
  const std::string where = Printable(dir.tokenizer_file.path().string(), 1000);
  auto tokenizer = dir.tokenizer_kind == TokenizerKind::kTiktoken
                       ? Tokenizer::FromTiktoken(dir.tokenizer_file.text(), where)
                       : Tokenizer::FromSentencePiece(dir.tokenizer_file.text(), where);
  if (tokenizer->vocab_size() != dir.config.vocab_size) {
    throw Error(fmt::format("{}: the tokenizer has {} tokens, but the model has embeddings for {}", where,
                            tokenizer->vocab_size(), dir.config.vocab_size));
  }
  return tokenizer;
}

ModelKind DetectModelKind(const ModelDir& dir, const Tokenizer& tokenizer, std::optional<ChatFormat> wanted) {
  ModelKind kind;
  kind.tokenizer = DescribeTokenizer(dir, tokenizer);
  if (wanted) {
    if (!SupportsChatFormat(*wanted, tokenizer)) {
      throw Error(fmt::format("--chat-format {}: the tokenizer of {} has not the special tokens for it",
                              Name(*wanted), Printable(dir.path.string(), 1000)));
    }
    kind.chat_format = *wanted;
    kind.chat_reason = "as --chat-format says";
    return kind;
  }
  if (HasUntrainedHeaders(dir, tokenizer)) {
    kind.chat_reason =
        "a base model: its embeddings of <|start_header_id|> and <|end_header_id|> are untrained";
  } else if (IsNameOfBaseModel(dir.name)) {
    kind.chat_reason = fmt::format("'{}' is the name of a base model: it says neither Instruct nor Chat",
                                   Printable(dir.name));
  } else {
    const bool tiktoken = dir.tokenizer_kind == TokenizerKind::kTiktoken;
    kind.chat_format = tiktoken ? ChatFormat::kLlama3 : ChatFormat::kLlama2;
    kind.chat_reason = fmt::format("{}, and nothing marks it as a base model",
                                   tiktoken ? "a tiktoken tokenizer" : "a sentencepiece tokenizer");
  }
  return kind;
}

}  // namespace puna
