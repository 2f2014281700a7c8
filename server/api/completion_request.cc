#include "server/api/completion_request.h"

#include <fmt/format.h>

namespace puna {
namespace {

constexpr const char* kPromptTypes =
    "a string, an array of strings, an array of token ids, or an array of arrays of token ids";

}  // namespace

std::vector<TokenId> ReadTokenIds(const std::string& path, const Json& tokens, int vocab_size) {
  if (!tokens.is_array()) RefuseType(path, "an array of token ids", tokens);
  std::vector<TokenId> ids;
  ids.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Json& token = tokens[i];
    if (!token.is_number_integer()) RefuseType(fmt::format("{}[{}]", path, i), "an integer", token);
    // What is beyond int64 arrives as an unsigned number, and is compared as one.
    const bool known = token.is_number_unsigned() ? token.get<uint64_t>() < static_cast<uint64_t>(vocab_size)
                                                  : false;  // negative
    if (!known) {
      RefuseValue(fmt::format("{}[{}]", path, i),
                  fmt::format("token ids of this model are between 0 and {}, but got {}.", vocab_size - 1,
                              token.dump()));
    }
    ids.push_back(token.get<TokenId>());
  }
  return ids;
}

namespace {

std::vector<TokenId> ReadTokens(const std::string& path, const Json& tokens, int vocab_size) {
  if (tokens.empty()) RefuseValue(path, "an array of tokens must not be empty.");
  return ReadTokenIds(path, tokens, vocab_size);
}

Prompt ReadPrompt(const std::string& path, const Json& prompt, int vocab_size) {
  if (prompt.is_string()) return prompt.get<std::string>();
  if (prompt.is_array()) return ReadTokens(path, prompt, vocab_size);
  RefuseType(path, "a string or an array of token ids", prompt);
}

}  // namespace

std::vector<Prompt> ReadPrompts(const std::string& name, const Json& prompt, int vocab_size) {
  if (prompt.is_string()) return {prompt.get<std::string>()};
  if (!prompt.is_array()) RefuseType(name, kPromptTypes, prompt);
  if (prompt.empty()) RefuseValue(name, "the array must not be empty.");
  if (prompt.front().is_number()) return {ReadTokens(name, prompt, vocab_size)};
  const bool texts = prompt.front().is_string();
  std::vector<Prompt> prompts;
  for (size_t i = 0; i < prompt.size(); ++i) {
    const std::string path = fmt::format("{}[{}]", name, i);
    if (prompt[i].is_string() != texts)
      RefuseType(path, texts ? "a string" : "an array of token ids", prompt[i]);
    prompts.push_back(ReadPrompt(path, prompt[i], vocab_size));
  }
  return prompts;
}

std::vector<TokenId> PromptTokens(const Tokenizer& tokenizer, const Prompt& prompt) {
  if (const auto* ids = std::get_if<std::vector<TokenId>>(&prompt)) return *ids;
  std::vector<TokenId> ids = tokenizer.Encode(std::get<std::string>(prompt));
  ids.insert(ids.begin(), tokenizer.bos());
  return ids;
}

namespace {

// 0 is in the specification's range, and chooses nothing.
int ReadBestOf(JsonReader& body, const AnswerOptions& options) {
  const auto best_of = static_cast<int>(body.Integer("best_of", 0, 20).value_or(0));
  if (best_of == 0) return options.n;
  if (best_of < options.n) {
    RefuseValue("best_of",
                fmt::format("it must be at least 'n', but it is {} and 'n' is {}.", best_of, options.n));
  }
  if (best_of > options.n && options.stream)
    RefuseValue("best_of",
                "the best of several answers is known when all have ended: it cannot be streamed.");
  // Greedy answers are all the same.
  return options.sampling.temperature > 0 ? best_of : options.n;
}

void ReadLogprobs(JsonReader& body, AnswerOptions& options) {
  const auto top = body.Integer("logprobs", 0, 5);
  options.logprobs = top.has_value();
  if (top) options.sampling.top_logprobs = static_cast<int>(*top);
}

}  // namespace

CompletionRequest ParseCompletionRequest(std::string_view text, int vocab_size,
                                         std::vector<std::string>& unknown) {
  const Json json = ParseJsonBody(text);
  JsonReader body(json);
  CompletionRequest request;
  request.options = ReadAnswerOptions(body, vocab_size);
  request.prompts = ReadPrompts("prompt", body.Require("prompt"), vocab_size);
  request.best_of = ReadBestOf(body, request.options);
  if (request.prompts.size() * static_cast<size_t>(request.best_of) > kMaxChoices) {
    RefuseValue("prompt", fmt::format("at most {} choices, but got {} prompts with {} each.", kMaxChoices,
                                      request.prompts.size(), request.best_of));
  }
  request.max_tokens = ReadTokenLimit(body, "max_tokens", 0);
  request.echo = body.Bool("echo").value_or(false);
  ReadLogprobs(body, request.options);
  request.options.rules = ReadGuidedRules(body, text);
  if (!body.String("suffix").value_or("").empty())
    RefuseUnsupported("suffix", "these models cannot fill in the middle");
  unknown = body.Unread();
  return request;
}

}  // namespace puna
