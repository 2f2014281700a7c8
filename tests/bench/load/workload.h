#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace puna::bench {

enum class Endpoint { kChat, kCompletions };

struct WorkloadOptions {
  Endpoint endpoint = Endpoint::kChat;
  std::string model;
  std::vector<std::string> prompts;  // asked in turn
  int max_tokens = 64;
  bool fresh = false;  // begin each prompt with a number of its own: no prefix is ever cached
  double gone = 0;     // share of requests whose client leaves before the end
  uint64_t seed = 1;
  nlohmann::json extra = nlohmann::json::object();  // members for every request
};

struct LoadRequest {
  std::string body;
  // The client closes its connection after so many pieces of text; 0: right after it has asked.
  std::optional<int> leaves_after;
};

// Request number i of a workload depends on its options and i alone, whoever sends it and when.
class Workload {
 public:
  explicit Workload(WorkloadOptions options) : options_(std::move(options)) {}

  LoadRequest Request(int64_t number) const;
  std::string path() const;

 private:
  const WorkloadOptions options_;
};

// Short questions, a story, an example to continue, and one long prompt.
const std::vector<std::string>& MixedPrompts();

// One prompt per line, blank lines left out.
std::vector<std::string> ParsePrompts(const std::string& text);

}  // namespace puna::bench
