// The engine alone, without HTTP: tokens per second for several streams at once. What `load` measures of a
// server on the same machine is this less what serving costs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <exception>
#include <vector>

#include "server/model_runtime.h"
#include "tests/bench/load/workload.h"
#include "tokenizer/chat_format.h"

namespace puna::bench {
namespace {

// Never chosen: every answer has its full length.
void ForbidEnds(const Tokenizer& tokenizer, EngineRequest& request) {
  for (const TokenId token : tokenizer.stop_tokens())
    request.sampling.logit_bias.emplace_back(token, -100.0f);
}

// Tokens per second of `streams` streams that are kept busy until `seconds` have passed.
double Speed(ModelRuntime& runtime, int streams, int max_tokens, double seconds) {
  using Clock = std::chrono::steady_clock;
  std::vector<TokenStream> running;
  size_t asked = 0;
  const auto next = [&] {
    const std::string& prompt = MixedPrompts()[asked++ % MixedPrompts().size()];
    EngineRequest request;
    request.prompt =
        EncodeChat(ChatFormat::kLlama3, runtime.tokenizer(), std::vector<ChatMessage>{{"user", prompt}});
    request.max_tokens = max_tokens;
    ForbidEnds(runtime.tokenizer(), request);
    return runtime.engine().Submit(std::move(request));
  };
  for (int i = 0; i < streams; ++i) running.push_back(next());
  const int64_t before = runtime.engine().Stats().generated_tokens;
  const Clock::time_point start = Clock::now();
  const auto passed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  while (passed() < seconds) {
    for (TokenStream& stream : running) {
      while (!stream.Next().finish) {
      }
      stream = next();
    }
  }
  return static_cast<double>(runtime.engine().Stats().generated_tokens - before) / passed();
}

int Run(int argc, char** argv) {
  CLI::App app("Tokens per second of the engine alone, on the prompts that load asks.", "engine_speed");
  ModelOptions model;
  model.directory = DemoModelDir();
  std::vector<int> streams = {1, 8};
  int max_tokens = 200, rounds = 5;
  double seconds = 1;
  app.add_option("--model", model.directory, "Model directory [the demo model]");
  app.add_option("--threads", model.threads, "Threads for arithmetic [the physical cores]");
  app.add_option("--streams", streams, "Numbers of streams, such as 1,8")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--max-tokens", max_tokens, "Tokens of an answer")->capture_default_str();
  app.add_option("--seconds", seconds, "Length of a round")->capture_default_str();
  app.add_option("--rounds", rounds, "The best of so many rounds counts")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  ModelRuntime runtime(model, /*max_queue=*/1024);
  for (const int count : streams) {
    double best = 0;
    for (int round = 0; round < rounds; ++round)
      best = std::max(best, Speed(runtime, count, max_tokens, seconds));
    fmt::print("{:3} streams: {:9.1f} tokens/s\n", count, best);
  }
  return 0;
}

}  // namespace
}  // namespace puna::bench

int main(int argc, char** argv) {
  try {
    return puna::bench::Run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "engine_speed: {}\n", error.what());
    return 1;
  }
}
