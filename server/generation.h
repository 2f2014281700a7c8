#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "server/answer_figures.h"
#include "server/answer_text.h"
#include "server/held_tokens.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// One answer that is wanted: a choice of a response.
struct AnswerRequest {
  // As the engine wants it, but max_tokens may always be 0: an answer that ends at once with kLength. With
  // prompt_logprobs the prompt's tokens come with the echo.
  EngineRequest engine;
  std::vector<std::string> stop;  // none empty
  std::string echo;               // sent before the answer
  bool counts_prompt = true;      // in the usage: once for all choices of one prompt
  bool wants_tokens = false;      // events tell the tokens of their text
  bool begins_text = false;       // the answer does not go on with the prompt's text
  // The echo and its tokens are those of the last request before it that has prompt_logprobs: the prompt of
  // several choices is computed once.
  bool repeats_echo = false;
};

// What one HTTP request sets for all its answers.
struct AnswerTerms {
  // What has not ended by then is an error.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  // Kept up to date; never null.
  std::shared_ptr<AnswerFigures> figures = std::make_shared<AnswerFigures>();
};

// What happened next to one of the answers: text, the end, or both.
struct AnswerEvent {
  int index;
  std::string text;                    // whole characters
  std::optional<FinishReason> finish;  // kStop or kLength
  std::vector<AnswerToken> tokens;     // that begin in this text or have none; if they are wanted
  std::vector<float> embedding;        // instead of text, if the engine was asked for one
  bool announces_call = false;         // before this text the model wrote <|python_tag|>
  std::string stop = {};               // the stop string that ended the answer, if one did
};

struct Usage {
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;      // of the prompt tokens
  int64_t completion_tokens = 0;  // delivered by the engine; a stop token is not
};

// The answers of one HTTP request, from Submit to text. The engine and the tokenizer outlive it. For one
// thread. Destruction cancels what runs.
//
// At most kWindow answers of one request are in the engine at a time, so that a long list of prompts neither
// fills the queue for others nor is refused for its length.
class Answers {
 public:
  static constexpr int kWindow = 8;
  // How often a waiting thread asks whether its client is still there.
  static constexpr std::chrono::milliseconds kPollInterval{50};

  // Throws RequestError if the engine refuses: 400 context_length_exceeded, 429, or 503 while it stops.
  // REQUIRES: requests is not empty.
  Answers(Engine& engine, const Tokenizer& tokenizer, std::vector<AnswerRequest> requests,
          AnswerTerms terms = {});

  // Waits for the next event of any answer; events of one answer come in order. Nothing once all have ended,
  // or after `client_gone` has said true, upon which all are cancelled. Throws RequestError if an answer
  // cannot be completed: 504 after the deadline, 503 if the server ended it, else 500.
  std::optional<AnswerEvent> Next(const std::function<bool()>& client_gone);
  // The next event if it has arrived already; never waits, throws as Next.
  std::optional<AnswerEvent> TryNext();

  size_t size() const { return count_; }
  bool abandoned() const { return abandoned_; }  // the client went away
  // Final once Next has returned nothing.
  const Usage& usage() const { return usage_; }

 private:
  // What is sent before the choices of one prompt, with its tokens.
  struct Echo {
    std::string text;
    std::vector<AnswerToken> tokens;
    AnswerText decoded{{}};   // of the tokens so far
    bool begins_text = true;  // none of them was text
    bool complete = false;
  };

  struct Running {
    int index;
    TokenStream tokens;
    AnswerText text;
    HeldTokens told;
    bool counts_prompt;
    bool wants_tokens;
    std::shared_ptr<Echo> echo;  // still to be sent; null if there is none
    bool repeats_echo;
    bool begins_text;    // its next token is the first of a text of its own
    bool begun = false;  // an event of it, beyond the prompt, has been handled
  };

  bool SubmitNext();  // false: the queue is full
  void Refill();
  bool ClientGone(const std::function<bool()>& client_gone);
  void Start(AnswerRequest& request, TokenStream tokens);
  std::optional<AnswerEvent> TakeReady();
  std::optional<AnswerEvent> Handle(size_t slot, const TokenEvent& event);
  void AddToEcho(Echo& echo, const TokenEvent& event);
  AnswerEvent Event(Running& answer, std::string text);
  AnswerEvent End(size_t slot, FinishReason reason, std::string text);
  [[noreturn]] void Fail(const TokenEvent& event);
  void Count(Running& answer, const TokenEvent& event);

  Engine& engine_;
  const Tokenizer& tokenizer_;
  const TokenId python_tag_;
  AnswerTerms terms_;
  const size_t count_;
  std::deque<AnswerRequest> pending_;
  int next_index_ = 0;
  std::vector<Running> running_;  // in order of index
  std::shared_ptr<Echo> last_echo_;
  std::deque<AnswerEvent> ready_;  // echoes, and ends that need no engine
  size_t turn_ = 0;                // whose event is looked for first
  std::chrono::steady_clock::time_point last_poll_;
  Usage usage_;
  bool abandoned_ = false;
};

}  // namespace puna
