#include "server/api/token_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "tokenizer/unicode.h"

namespace puna {
namespace {

struct WrittenToken {
  std::string text;
  bool has_bytes = false;  // some are written as such
};

WrittenToken Write(const Tokenizer& tokenizer, TokenId token) {
  const std::string_view bytes = tokenizer.Bytes(token);
  WrittenToken written;
  for (size_t at = 0; at < bytes.size();) {
    const Character character = CharacterAt(bytes, at);
    if (character.code_point < 0) {
      written.text += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[at]));
      written.has_bytes = true;
    } else {
      written.text += bytes.substr(at, character.length);
    }
    at += character.length;
  }
  return written;
}

// A special token stands for no text, so it has no bytes.
OrderedJson BytesJson(const Tokenizer& tokenizer, TokenId token) {
  if (tokenizer.IsSpecial(token)) return nullptr;
  OrderedJson bytes = OrderedJson::array();
  for (const char c : tokenizer.Bytes(token)) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

// The most probable tokens in descending order, and after them the token itself if it is not among them.
std::vector<TokenLogprob> TopWithItself(const AnswerToken& token) {
  std::vector<TokenLogprob> top = token.logprobs->top;
  if (std::ranges::find(top, token.id, &TokenLogprob::token) == top.end())
    top.push_back({token.id, token.logprobs->chosen});
  return top;
}

OrderedJson ChatToken(const Tokenizer& tokenizer, TokenId token, float logprob) {
  return {
      {"token", TokenText(tokenizer, token)}, {"logprob", logprob}, {"bytes", BytesJson(tokenizer, token)}};
}

}  // namespace

bool IsText(const Tokenizer& tokenizer, TokenId token) { return !Write(tokenizer, token).has_bytes; }

std::string TokenText(const Tokenizer& tokenizer, TokenId token) { return Write(tokenizer, token).text; }

std::string TokenKey(const Tokenizer& tokenizer, TokenId token) {
  const WrittenToken written = Write(tokenizer, token);
  return written.has_bytes ? "bytes:" + written.text : written.text;
}

OrderedJson ChatLogprobs(const Tokenizer& tokenizer, std::span<const AnswerToken> tokens, bool top) {
  OrderedJson content = OrderedJson::array();
  for (const AnswerToken& token : tokens) {
    if (!token.logprobs) continue;
    OrderedJson entry = ChatToken(tokenizer, token.id, token.logprobs->chosen);
    OrderedJson& list = entry["top_logprobs"] = OrderedJson::array();
    if (top) {
      for (const TokenLogprob& other : TopWithItself(token))
        list.push_back(ChatToken(tokenizer, other.token, other.logprob));
    }
    content.push_back(std::move(entry));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

OrderedJson CompletionLogprobs(const Tokenizer& tokenizer, std::span<const AnswerToken> tokens) {
  OrderedJson texts = OrderedJson::array();
  OrderedJson logprobs = OrderedJson::array();
  OrderedJson tops = OrderedJson::array();
  OrderedJson offsets = OrderedJson::array();
  for (const AnswerToken& token : tokens) {
    texts.push_back(TokenKey(tokenizer, token.id));
    offsets.push_back(token.text_offset);
    if (!token.logprobs) {
      logprobs.push_back(nullptr);
      tops.push_back(nullptr);
      continue;
    }
    logprobs.push_back(token.logprobs->chosen);
    OrderedJson top = OrderedJson::object();
    for (const TokenLogprob& other : TopWithItself(token))
      top[TokenKey(tokenizer, other.token)] = other.logprob;
    tops.push_back(std::move(top));
  }
  return {{"tokens", std::move(texts)},
          {"token_logprobs", std::move(logprobs)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

OrderedJson GeneratedTokenIds(std::span<const AnswerToken> tokens) {
  OrderedJson ids = OrderedJson::array();
  for (const AnswerToken& token : tokens)
    if (!token.in_prompt) ids.push_back(token.id);
  return ids;
}

}  // namespace puna
