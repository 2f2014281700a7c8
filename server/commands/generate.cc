#include "server/commands/generate.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "server/api/context_length.h"
#include "server/generation.h"
#include "server/line_reader.h"
#include "server/model_runtime.h"
#include "tokenizer/chat_format.h"

namespace puna {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// When an answer's first text came, and its last.
struct Times {
  Clock::time_point start = Clock::now();
  Clock::time_point first = start;
  Clock::time_point end = start;
};

void PrintTimes(const Usage& usage, const Times& times) {
  // The first token comes with the prompt's last row. Of an answer that came at once the whole time counts.
  const double later = Seconds(times.end - times.first);
  const auto tokens = static_cast<double>(usage.completion_tokens);
  const double rate = later >= 0.05 ? (tokens - 1) / later : tokens / Seconds(times.end - times.start);
  const std::string speed = tokens > 0 ? fmt::format(", {:.1f} tokens/s", rate) : "";
  fmt::print(stderr, "[prompt {} tokens; first text after {:.0f} ms; answer {} tokens in {:.2f} s{}]\n",
             usage.prompt_tokens, Seconds(times.first - times.start) * 1000, usage.completion_tokens,
             Seconds(times.end - times.start), speed);
}

// Writes the answer to standard output while it is made and returns it.
std::string WriteAnswer(ModelRuntime& runtime, std::vector<TokenId> prompt, int max_tokens, bool begins_text,
                        StopSignals& signals) {
  AnswerRequest request;
  request.begins_text = begins_text;
  request.engine.max_tokens = AnswerTokens(runtime.max_context(), prompt.size(),
                                           max_tokens > 0 ? std::optional<int>(max_tokens) : std::nullopt,
                                           runtime.max_context(), "prompt");
  request.engine.prompt = std::move(prompt);
  const auto stops = runtime.tokenizer().stop_tokens();
  request.engine.stop_tokens.assign(stops.begin(), stops.end());
  std::vector<AnswerRequest> requests;
  requests.push_back(std::move(request));

  Times times;
  Answers answers(runtime.engine(), runtime.tokenizer(), std::move(requests));
  std::string text;
  while (const auto event = answers.Next([&signals] { return signals.Take(); })) {
    times.end = Clock::now();
    if (text.empty()) times.first = times.end;
    text += event->text;
    std::fwrite(event->text.data(), 1, event->text.size(), stdout);
    if (std::fflush(stdout) != 0) throw Error("standard output cannot be written");
  }
  std::fputc('\n', stdout);
  std::fflush(stdout);
  PrintTimes(answers.usage(), times);
  return text;
}

std::vector<TokenId> PromptTokens(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<TokenId> tokens = tokenizer.Encode(text);
  tokens.insert(tokens.begin(), tokenizer.bos());
  return tokens;
}

class Chat {
 public:
  Chat(ModelRuntime& runtime, const GenerateOptions& options, StopSignals& signals)
      : runtime_(runtime), max_tokens_(options.max_tokens), signals_(signals) {
    if (!options.system.empty()) messages_.push_back({"system", options.system});
  }

  void Say(std::string text) {
    messages_.push_back({"user", std::move(text)});
    std::vector<TokenId> prompt = EncodeChat(runtime_.kind().chat_format, runtime_.tokenizer(), messages_);
    messages_.push_back({"assistant", WriteAnswer(runtime_, std::move(prompt), max_tokens_, true, signals_)});
  }

 private:
  ModelRuntime& runtime_;
  const int max_tokens_;
  StopSignals& signals_;
  std::vector<ChatMessage> messages_;
};

void RunChat(ModelRuntime& runtime, const GenerateOptions& options, StopSignals& signals) {
  Chat chat(runtime, options, signals);
  if (options.prompt) chat.Say(*options.prompt);
  const bool terminal = isatty(STDIN_FILENO) != 0;
  if (options.prompt && !terminal) return;
  LineReader lines(STDIN_FILENO, signals);
  while (true) {
    if (terminal) fmt::print(stderr, "> ");
    const auto line = lines.Next();
    if (!line) break;
    if (line->find_first_not_of(" \t") != std::string::npos) chat.Say(*line);
  }
  if (terminal) fmt::print(stderr, "\n");
}

}  // namespace

void Generate(const GenerateOptions& options, StopSignals& signals) {
  ModelRuntime runtime(options.model, /*max_queue=*/1);
  if (options.chat) {
    RunChat(runtime, options, signals);
  } else {
    WriteAnswer(runtime, PromptTokens(runtime.tokenizer(), *options.prompt), options.max_tokens, false,
                signals);
  }
}

}  // namespace puna
