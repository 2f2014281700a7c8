#include "tests/bench/load/workload.h"

#include <fmt/format.h>

#include <random>
#include <sstream>

#include "engine/base/check.h"

namespace puna::bench {

std::string Workload::path() const {
  return options_.endpoint == Endpoint::kChat ? "/v1/chat/completions" : "/v1/completions";
}

LoadRequest Workload::Request(int64_t number) const {
  CHECK(!options_.prompts.empty());
  std::string prompt = options_.prompts[static_cast<size_t>(number) % options_.prompts.size()];
  if (options_.fresh) prompt = fmt::format("{:06}-{}: {}", number, options_.seed, prompt);
  nlohmann::json body = {{"model", options_.model},
                         {"stream", true},
                         {"stream_options", {{"include_usage", true}}},
                         {"max_tokens", options_.max_tokens}};
  if (options_.endpoint == Endpoint::kChat) {
    body["messages"] = {{{"role", "user"}, {"content", std::move(prompt)}}};
  } else {
    body["prompt"] = std::move(prompt);
  }
  body.update(options_.extra);

  // The raw words of the generator, not a distribution, whose numbers each standard library chooses itself.
  std::mt19937_64 random(options_.seed * 0x9E3779B97F4A7C15u + static_cast<uint64_t>(number));
  LoadRequest request{body.dump(), std::nullopt};
  const bool leaves = static_cast<double>(random() >> 11) * 0x1p-53 < options_.gone;
  const int pieces = static_cast<int>(random() % static_cast<uint64_t>(options_.max_tokens));
  if (leaves) request.leaves_after = pieces;
  return request;
}

const std::vector<std::string>& MixedPrompts() {
  static const std::vector<std::string> prompts = [] {
    std::vector<std::string> mixed = {
        "Tell me a story about a fox.",
        "What is the capital of France?",
        "Count to twenty.",
        "What can you do?",
        "Write a poem about the sea.",
        "Tell me a joke.",
        "What is 7 + 8?",
    };
    std::string list = "Here is a list of things that were seen on the way: ";
    for (int i = 1; i <= 60; ++i) list += fmt::format("{} red houses, {} tall trees, ", i, 3 * i);
    mixed.push_back(list + "and then? Tell me a story about it.");
    return mixed;
  }();
  return prompts;
}

std::vector<std::string> ParsePrompts(const std::string& text) {
  std::vector<std::string> prompts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) prompts.push_back(line);
  }
  return prompts;
}

}  // namespace puna::bench
