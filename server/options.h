#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/base/error.h"
#include "tokenizer/chat_format.h"

namespace puna {

// What the command line, the environment and the configuration file say, checked. Each option --some-name has
// the environment variable PUNA_SOME_NAME as its twin; the command line counts more than the environment, and
// that more than the file.

// Where the weights are while the model runs.
struct WeightOptions {
  std::string place = "mmap";  // or "copy": in memory, not in the mapped file
  bool preload = false;        // read before the first request
  bool lock = false;           // never dropped from memory
};

struct ModelOptions {
  std::filesystem::path directory;  // default: DemoModelDir()
  WeightOptions weights;
  int context = 0;                        // positions per request; 0: see memory_plan.h
  uint64_t kv_memory = 0;                 // bytes for keys and values; 0: see memory_plan.h
  int threads = 0;                        // 0: DefaultThreadCount()
  int batch_rows = 128;                   // EngineOptions::max_rows_per_step
  std::optional<ChatFormat> chat_format;  // nothing: as detected (model_kind.h)
  double rope_scaling_factor = 0;         // 0: what params.json says, or the model's shape
};

struct ServeOptions {
  ModelOptions model;
  std::string host = "127.0.0.1";
  int port = 8080;                    // 0: any free one
  std::vector<std::string> api_keys;  // of --api-key and --api-key-file; without any everybody may ask
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> cors_origins;
  int chat_max_tokens = 4096;  // for chats that set no limit; 0: the rest of the context
  bool log_prompts = false;
  int max_queue = 64;                            // requests that may wait; 429 beyond
  int max_connections = 256;                     // open at once; 503 beyond
  int max_connections_per_client = 128;          // of one address; 429 beyond
  std::chrono::milliseconds request_timeout{0};  // from arrival to the last token; 0: none
  std::chrono::seconds drain_delay{0};           // from SIGTERM to the refusal of new requests
  std::chrono::seconds drain{30};  // running answers may take so long once the server is told to stop
};

struct GenerateOptions {
  ModelOptions model;
  std::optional<std::string> prompt;
  int max_tokens = 0;  // 0: the rest of the context
  bool chat = false;
  std::string system;  // "": none
};

struct InspectOptions {
  std::filesystem::path directory;
};

struct CheckOptions {
  ModelOptions model;
};

struct HealthOptions {
  std::string host = "127.0.0.1";  // what the server listens on
  int port = 8080;
  std::chrono::milliseconds timeout{5000};
};

struct TokenizeOptions {
  std::filesystem::path directory;
  std::optional<std::string> text;  // else standard input
};

struct BenchOptions {
  std::filesystem::path directory;
  WeightOptions weights;
  int threads = 0;              // 0: DefaultThreadCount()
  std::string instruction_set;  // "": the best there is
  std::vector<int> prompts{512};
  int answer = 128;  // 0: none
  std::vector<int> batches{1};
  std::vector<int> depths{0};
  int repetitions = 3;
  bool json = false;
};

struct Options {
  std::variant<ServeOptions, GenerateOptions, InspectOptions, CheckOptions, HealthOptions, TokenizeOptions,
               BenchOptions>
      command;
  std::string log_level = "info";  // of spdlog
  std::filesystem::path log_file;  // empty: standard error
};

// A command line that means nothing. what() is one sentence.
class UsageError : public Error {
 public:
  using Error::Error;
};

// Not a mistake: the user wants to read `text` (--help, --version), and that is all.
struct TextWanted {
  std::string text;
};

// Throws UsageError or TextWanted, and Error for a file that cannot be read.
Options ParseOptions(int argc, const char* const* argv);

// Where the demo model is: beside the program as it is installed or built, else where it was built from.
std::filesystem::path DemoModelDir();

}  // namespace puna
