#include "server/api/tokenize.h"

#include "server/api/chat_request.h"
#include "server/api/completion_request.h"
#include "server/api/models.h"
#include "server/api/token_json.h"
#include "server/api/tools.h"

namespace puna {
namespace {

// Special tokens by name; what is no text becomes U+FFFD. Text begins anew after each special token.
std::string Text(const Tokenizer& tokenizer, std::span<const TokenId> tokens) {
  AnswerText text({});
  std::string out;
  bool begins = true;
  for (const TokenId token : tokens) {
    const bool special = tokenizer.IsSpecial(token);
    out += text.Push(special ? tokenizer.Bytes(token) : tokenizer.Text(token, begins));
    begins = special;
  }
  return out + text.Finish();
}

// A model need not be named, but if it is, it is the one that is served.
void CheckModel(const ServedModel& model, JsonReader& body) {
  if (const auto name = body.String("model")) CheckModelName(model, *name);
}

// `text`: the body's, in which the order of a tool's members is seen.
std::vector<TokenId> ChatTokens(const ServedModel& model, JsonReader& body, std::string_view text) {
  std::vector<ChatMessage> messages = ReadMessages(body);
  AddToolsToPrompt(ReadToolUse(body, text), messages);
  std::vector<TokenId> tokens = ChatPrompt(model, messages);
  if (!body.Bool("add_generation_prompt").value_or(true)) {
    tokens.resize(tokens.size() - AnswerOpening(model.chat_format, model.tokenizer));
  }
  return tokens;
}

std::vector<TokenId> TextTokens(const Tokenizer& tokenizer, JsonReader& body) {
  const bool content = body.Find("content") != nullptr;
  const auto text = body.String(content ? "content" : "prompt");
  if (!text) {
    throw RequestError(400, "Missing required parameter: 'content', 'prompt' or 'messages'.", "content",
                       "missing_required_parameter");
  }
  if (body.Bool("parse_special").value_or(false))
    RefuseUnsupported("parse_special", "text never becomes special tokens");
  // One name and default is llama-server's, the other vLLM's.
  const bool bos = body.Bool("add_special").value_or(body.Bool("add_special_tokens").value_or(!content));
  std::vector<TokenId> tokens = tokenizer.Encode(*text);
  if (bos) tokens.insert(tokens.begin(), tokenizer.bos());
  return tokens;
}

// The piece as text where it is text, else as bytes.
OrderedJson PieceJson(const Tokenizer& tokenizer, TokenId token) {
  const std::string_view bytes = tokenizer.Bytes(token);
  if (IsText(tokenizer, token)) return bytes;
  OrderedJson numbers = OrderedJson::array();
  for (const char c : bytes) numbers.push_back(static_cast<unsigned char>(c));
  return numbers;
}

OrderedJson TokensJson(const Tokenizer& tokenizer, std::span<const TokenId> tokens, bool with_pieces) {
  OrderedJson json = OrderedJson::array();
  for (const TokenId token : tokens) {
    if (with_pieces) {
      json.push_back({{"id", token}, {"piece", PieceJson(tokenizer, token)}});
    } else {
      json.push_back(token);
    }
  }
  return json;
}

HttpResponse Answer(ServedModel& model, const JsonReader& body, const OrderedJson& json) {
  model.unknown_fields.Report(body.Unread());
  HttpResponse response;
  response.body = json.dump();
  return response;
}

}  // namespace

HttpResponse Tokenize(ServedModel& model, const HttpRequest& http) {
  const Json json = ParseJsonBody(http.body);
  JsonReader body(json);
  CheckModel(model, body);
  const bool chat = body.Find("messages") != nullptr;
  const std::vector<TokenId> tokens =
      chat ? ChatTokens(model, body, http.body) : TextTokens(model.tokenizer, body);
  const bool with_pieces = body.Bool("with_pieces").value_or(false);
  OrderedJson strings = nullptr;
  if (body.Bool("return_token_strs").value_or(false)) {
    strings = OrderedJson::array();
    for (const TokenId token : tokens) strings.push_back(TokenText(model.tokenizer, token));
  }
  return Answer(model, body,
                {{"count", tokens.size()},
                 {"max_model_len", model.max_context},
                 {"tokens", TokensJson(model.tokenizer, tokens, with_pieces)},
                 {"token_strs", std::move(strings)}});
}

HttpResponse Detokenize(ServedModel& model, const HttpRequest& http) {
  const Json json = ParseJsonBody(http.body);
  JsonReader body(json);
  CheckModel(model, body);
  const auto tokens = ReadTokenIds("tokens", body.Require("tokens"), model.tokenizer.vocab_size());
  const std::string text = Text(model.tokenizer, tokens);
  return Answer(model, body, {{"content", text}, {"prompt", text}});
}

HttpResponse ApplyTemplate(ServedModel& model, const HttpRequest& http) {
  const Json json = ParseJsonBody(http.body);
  JsonReader body(json);
  CheckModel(model, body);
  const std::string text = Text(model.tokenizer, ChatTokens(model, body, http.body));
  return Answer(model, body, {{"prompt", text}});
}

}  // namespace puna
