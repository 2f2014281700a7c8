#pragma once

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "server/api/server_state.h"
#include "server/http_types.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// A model that says what it was told to, at the positions after a prompt of a known length, and then ends its
// answer. It answers by position alone, so it gives every sequence the same tokens.
class ScriptedModel final : public LanguageModel {
 public:
  explicit ScriptedModel(const Tokenizer& tokenizer);

  // From now on a prompt of `prompt_tokens` is answered with `answer`. Between requests only.
  void Say(size_t prompt_tokens, std::vector<TokenId> answer);
  // Says the same token for ever.
  void SayForEver(TokenId token);

  // The steps it has computed, and the tokens of the last prompt it has seen at positions from 0 on.
  int steps() const { return steps_.load(); }
  std::vector<TokenId> last_prompt() const { return prompt_; }

  std::span<const float> Forward(const Batch& batch) override;
  // Of a row: 3 and 4 times its token, plus one.
  std::span<const float> Hidden() const override { return hidden_; }
  int vocab_size() const override { return tokenizer_.vocab_size(); }
  int hidden_size() const override { return 2; }

 private:
  TokenId Next(int position) const;

  const Tokenizer& tokenizer_;
  size_t prompt_tokens_ = 0;
  std::vector<TokenId> answer_;
  TokenId for_ever_ = -1;
  std::vector<TokenId> prompt_;
  std::vector<float> logits_;
  std::vector<float> hidden_;
  std::atomic<int> steps_ = 0;
};

// The API over a scripted model and the demo model's tokenizer.
class ApiBench {
 public:
  explicit ApiBench(int max_context = 512, int max_queue = 64, std::vector<std::string> api_keys = {});
  // With another tokenizer, for models of another kind.
  ApiBench(std::unique_ptr<Tokenizer> tokenizer, ChatFormat chat_format, int max_context = 512,
           int max_queue = 64, std::vector<std::string> api_keys = {});

  const Tokenizer& tokenizer() const { return *tokenizer_; }
  ScriptedModel& model() { return model_; }
  Engine& engine() { return engine_; }
  ServedModel& served() { return served_; }
  ServerState& state() { return state_; }

  HttpResponse Get(const std::string& path, const std::string& authorization = "");
  HttpResponse Post(const std::string& path, const std::string& body, const std::string& authorization = "");
  HttpResponse Post(const std::string& path, const nlohmann::json& body) { return Post(path, body.dump()); }

  // The prompt a chat of one user message becomes, and what the model then says.
  void AnswerChat(const std::string& message, const std::string& answer);
  void AnswerCompletion(const std::string& prompt, const std::string& answer);

 private:
  HttpResponse Handle(const std::string& method, const std::string& path, const std::string& body,
                      const std::string& authorization);

  std::unique_ptr<Tokenizer> tokenizer_;
  ScriptedModel model_;
  Engine engine_;
  ServedModel served_;
  ServerState state_;
  std::vector<std::tuple<std::string, std::string, HttpHandler>> routes_;
};

// A streamed body as the events that were written.
struct SseEventText {
  std::string event;  // "" for an ordinary one
  std::string data;
};
class RecordingWriter final : public BodyWriter {
 public:
  // The client goes away after that many writes; negative: never.
  explicit RecordingWriter(int leaves_after = -1) : leaves_after_(leaves_after) {}
  bool Write(std::string_view bytes) override;
  bool ClientGone() override { return gone_; }

  const std::string& text() const { return text_; }
  std::vector<SseEventText> Events() const;

 private:
  int leaves_after_;
  bool gone_ = false;
  std::string text_;
};

// The chunks of a streamed answer that ended with [DONE]; fails the test otherwise.
std::vector<nlohmann::json> Chunks(const HttpResponse& response);

nlohmann::json BodyOf(const HttpResponse& response);

}  // namespace puna
