#include "server/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "engine/engine.h"
#include "server/key_file.h"
#include "server/options_table.h"

namespace puna {
namespace {

constexpr const char* kFooter = R"(
Every option --some-name can also be given as the environment variable PUNA_SOME_NAME, or in the file named by
--config, in a section for its command:

  [serve]
  model = "/models/Meta-Llama-3.1-8B-Instruct"
  port = 9000

The command line counts more than the environment, and that more than the file.
Exit codes: 0 done, 1 an error, 2 a command line that means nothing, 74 a model file was written to or cut
short while it was in use.)";

// "kv-memory" -> "PUNA_KV_MEMORY"
std::string EnvironmentTwin(std::string name) {
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return "PUNA_" + name;
}

// CLI11 lets the file win over the environment; here it is the other way round.
class FileUnderEnvironment : public CLI::ConfigBase {
 public:
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> read = CLI::ConfigBase::from_config(input);
    std::erase_if(read, [](const CLI::ConfigItem& item) {
      const char* value = std::getenv(EnvironmentTwin(item.name).c_str());
      return value != nullptr && *value != '\0';
    });
    return read;
  }
};

// The descriptions of CLI11's checks repeat themselves in the help; its messages name the range all the same.
CLI::Validator Between(int least, int most) { return CLI::Range(least, most).description(""); }

template <typename T>
CLI::Option* Add(CLI::App& app, const std::string& names, T& value, const std::string& help) {
  CLI::Option* option = app.add_option(names, value, help);
  option->envname(EnvironmentTwin(option->get_lnames().front()));
  return option;
}

void AddFlag(CLI::App& app, const std::string& name, bool& value, const std::string& help) {
  app.add_flag(name, value, help)->envname(EnvironmentTwin(name.substr(2)));
}

void AddModelDirectory(CLI::App& app, std::filesystem::path& directory) {
  Add(app, "--model", directory,
      "Directory as Meta's download wrote it: params.json, tokenizer.model,\nconsolidated.00.pth "
      "[the demo model that comes with puna]")
      ->type_name("DIR");
}

void AddThreads(CLI::App& app, int& threads) {
  Add(app, "--threads", threads, "Threads for arithmetic [the physical cores this process may use]")
      ->check(Between(1, 1024))
      ->type_name("N");
}

void AddWeightOptions(CLI::App& app, WeightOptions& options) {
  Add(app, "--weights", options.place,
      "mmap: read where the file is mapped; copy: copied into huge pages first")
      ->capture_default_str()
      ->check(CLI::IsMember({"mmap", "copy"}).description(""))
      ->type_name("HOW");
  AddFlag(app, "--preload", options.preload, "Read all weights from the disk before the first request");
  AddFlag(app, "--lock", options.lock, "Keep the weights in memory (mlock; ulimit -l limits it)");
}

// What the memory for keys and values follows from.
void AddMemory(CLI::App& app, ModelOptions& options) {
  Add(app, "--ctx", options.context,
      "Tokens one request may use, prompt and answer together\n[the model's, at most 8192, and what fits]")
      ->check(Between(16, 1 << 24))
      ->type_name("N");
  Add(app, "--kv-memory", options.kv_memory,
      "Memory for keys and values, such as 4GiB [half of what is free beside the\n"
      "weights, at most 8 full contexts]")
      ->transform(CLI::AsSizeValue(true).description(""))
      ->type_name("SIZE");
}

void AddModelOptions(CLI::App& app, ModelOptions& options) {
  AddModelDirectory(app, options.directory);
  AddWeightOptions(app, options.weights);
  AddMemory(app, options);
  app.add_option_function<std::string>(
         "--chat-format",
         [&options](const std::string& name) { options.chat_format = ChatFormatByName(name); },
         "llama3, llama2, or none for a base model [what the files and the directory's\nname say; puna "
         "inspect "
         "tells]")
      ->envname(EnvironmentTwin("chat-format"))
      ->check(CLI::IsMember({"none", "llama3", "llama2"}).description(""))
      ->type_name("NAME");
  Add(app, "--rope-scaling-factor", options.rope_scaling_factor,
      "By how much the positions of a model with scaled rope are stretched [what\nparams.json says; else 32 "
      "for "
      "Llama 3.2 1B and 3B, 8 for others]")
      ->check(CLI::Range(1.0, 1e6).description(""))
      ->type_name("X");
  AddThreads(app, options.threads);
  Add(app, "--batch-rows", options.batch_rows,
      "Tokens computed per step at most, over all requests. More reads long prompts\n"
      "faster and puts more work between two tokens of the answers that run")
      ->capture_default_str()
      ->check(Between(1, 4096))
      ->type_name("N");
}

// What the command line gives as text or numbers and ServeOptions holds as something better.
struct RawServeOptions {
  std::string key_file;
  int drain_delay_seconds = 0;
  int drain_seconds = static_cast<int>(ServeOptions().drain.count());
  double timeout_seconds = 0;
};

// Where a server listens.
void AddAddress(CLI::App& app, std::string& host, int& port, const std::string& host_help,
                const std::string& port_help) {
  Add(app, "--host", host, host_help)->capture_default_str()->type_name("ADDRESS");
  Add(app, "--port", port, port_help)->capture_default_str()->check(Between(0, 65535))->type_name("N");
}

void AddServe(CLI::App& app, ServeOptions& options, RawServeOptions& raw) {
  CLI::App* serve =
      app.add_subcommand("serve", "Serve a model over OpenAI's HTTP API, with a chat page at /");
  AddModelOptions(*serve, options.model);
  AddAddress(*serve, options.host, options.port, "Address to listen on; 0.0.0.0 is all of this machine's",
             "Port to listen on; 0 is any free one");
  Add(*serve, "--api-key", options.api_keys,
      "Key that requests to /v1 must bring; may be given several times. Other users\n"
      "of the machine see it here: better in PUNA_API_KEY or --api-key-file")
      ->type_name("KEY")
      ->expected(1)
      ->take_all();
  Add(*serve, "--api-key-file", raw.key_file, "File with keys, one per line")->type_name("FILE");
  Add(*serve, "--allowed-host", options.allowed_hosts,
      "Name by which clients may call this server, beside localhost and its\n"
      "address; several with commas or by giving it several times")
      ->type_name("NAME")
      ->delimiter(',')
      ->expected(1)
      ->take_all();
  Add(*serve, "--cors-origin", options.cors_origins,
      "Origin of a web page that may use the API, such as https://chat.example;\n"
      "several with commas or by giving it several times")
      ->type_name("ORIGIN")
      ->delimiter(',')
      ->expected(1)
      ->take_all();
  Add(*serve, "--chat-max-tokens", options.chat_max_tokens,
      "Tokens of a chat answer if the request sets no limit; 0 is the rest of the context")
      ->capture_default_str()
      ->check(Between(0, 1 << 24))
      ->type_name("N");
  Add(*serve, "--max-queue", options.max_queue,
      "Requests that may wait for a place; more are refused with 429")
      ->capture_default_str()
      ->check(Between(1, 100'000))
      ->type_name("N");
  Add(*serve, "--max-connections", options.max_connections,
      "Connections that may be open at once; more are refused with 503")
      ->capture_default_str()
      ->check(Between(1, 100'000))
      ->type_name("N");
  Add(*serve, "--max-connections-per-client", options.max_connections_per_client,
      "Connections that one address may have open at once; more are refused with 429.\n"
      "Behind a proxy all clients have its address")
      ->capture_default_str()
      ->check(Between(1, 100'000))
      ->type_name("N");
  Add(*serve, "--request-timeout", raw.timeout_seconds,
      "Seconds a request may take from its arrival to its last token; 0 is no limit.\n"
      "What is not complete then is an error: 504, or an error event in a stream")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e6).description(""))
      ->type_name("SECONDS");
  AddFlag(*serve, "--log-prompts", options.log_prompts,
          "Log what users send; without it no text of theirs is ever logged");
  Add(*serve, "--drain-delay", raw.drain_delay_seconds,
      "Seconds after SIGTERM in which new requests are still taken, while /health says\n"
      "draining: longer than a balancer takes to see that")
      ->capture_default_str()
      ->check(Between(0, 86'400))
      ->type_name("SECONDS");
  Add(*serve, "--drain", raw.drain_seconds,
      "Seconds that running answers may take to end after SIGTERM or Ctrl-C;\n"
      "a second signal ends them at once")
      ->capture_default_str()
      ->check(Between(0, 86'400))
      ->type_name("SECONDS");
}

void AddGenerate(CLI::App& app, GenerateOptions& options) {
  CLI::App* generate = app.add_subcommand("generate", "Write a completion, or chat, on the terminal");
  AddModelOptions(*generate, options.model);
  Add(*generate, "-p,--prompt", options.prompt,
      "Text to go on from; with --chat the first message. Without it --chat reads\n"
      "messages from standard input, one per line")
      ->type_name("TEXT");
  Add(*generate, "--max-tokens", options.max_tokens, "Tokens of an answer at most [the rest of the context]")
      ->check(Between(1, 1 << 24))
      ->type_name("N");
  // Flags take no value, which an environment variable would be.
  generate->add_flag("--chat", options.chat, "Chat with the model, in the format it was trained with");
  Add(*generate, "--system", options.system, "System message of the chat")->type_name("TEXT");
}

void AddInspect(CLI::App& app, InspectOptions& options) {
  CLI::App* inspect = app.add_subcommand("inspect", "Show a model's parameters and tensors");
  AddModelDirectory(*inspect, options.directory);
}

void AddCheck(CLI::App& app, CheckOptions& options) {
  CLI::App* check = app.add_subcommand(
      "check",
      "Look at a model directory completely before it is served: structure, every number,\n"
      "the sums of checklist.chk, memory");
  AddModelDirectory(*check, options.model.directory);
  AddMemory(*check, options.model);
}

void AddHealth(CLI::App& app, HealthOptions& options, double& seconds) {
  CLI::App* health = app.add_subcommand(
      "health", "Ask a server on this machine whether it is ready: exit code 0 if it is, else 1");
  AddAddress(*health, options.host, options.port, "Address it listens on", "Port it listens on");
  Add(*health, "--timeout", seconds, "Seconds it may take to answer")
      ->capture_default_str()
      ->check(CLI::Range(0.001, 3600.0).description(""))
      ->type_name("SECONDS");
}

void AddTokenize(CLI::App& app, TokenizeOptions& options) {
  CLI::App* tokenize = app.add_subcommand("tokenize", "Show the tokens of a text");
  AddModelDirectory(*tokenize, options.directory);
  tokenize->add_option("text", options.text, "The text [standard input]")->type_name("TEXT");
}

// A list as "1,2,4", each from `least` to `most`.
void AddList(CLI::App& app, const std::string& names, std::vector<int>& values, int least, int most,
             const std::string& help) {
  Add(app, names, values, help)
      ->capture_default_str()
      ->delimiter(',')
      ->expected(1, 64)
      ->check(Between(least, most))
      ->type_name("N,...");
}

void AddBench(CLI::App& app, BenchOptions& options) {
  CLI::App* bench =
      app.add_subcommand("bench", "Measure a model's speed beside what the machine can do at most");
  AddModelDirectory(*bench, options.directory);
  AddWeightOptions(*bench, options.weights);
  AddList(*bench, "-p,--prompt-tokens", options.prompts, 0, 1 << 24,
          "Lengths of prompts to compute; 0 is none");
  Add(*bench, "-n,--answer-tokens", options.answer, "Tokens of each answer; 0 is none")
      ->capture_default_str()
      ->check(Between(0, 1 << 24))
      ->type_name("N");
  AddList(*bench, "-b,--batch", options.batches, 1, EngineOptions().max_rows_per_step,
          "Numbers of answers to compute together");
  AddList(*bench, "-d,--ctx-depth", options.depths, 0, 1 << 24,
          "Positions that are there before an answer begins");
  Add(*bench, "-r,--repetitions", options.repetitions, "How often each is measured")
      ->capture_default_str()
      ->check(Between(1, 1000))
      ->type_name("N");
  AddThreads(*bench, options.threads);
  Add(*bench, "--instruction-set", options.instruction_set, "avx512, avx2 or neon [the best there is]")
      ->type_name("NAME");
  bench->add_flag("--json", options.json, "Write JSON in place of the table");
}

void CheckKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const bool plain = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (key.empty() || !plain) throw UsageError("an API key must be visible ASCII characters without blanks");
  }
}

// Rounded up: a limit that was asked for never becomes none.
std::chrono::milliseconds WholeMilliseconds(double seconds) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

void FinishServe(ServeOptions& serve, const RawServeOptions& raw) {
  if (!raw.key_file.empty()) {
    const std::vector<std::string> keys = ReadKeyFile(raw.key_file);
    serve.api_keys.insert(serve.api_keys.end(), keys.begin(), keys.end());
  }
  CheckKeys(serve.api_keys);
  serve.drain_delay = std::chrono::seconds(raw.drain_delay_seconds);
  serve.drain = std::chrono::seconds(raw.drain_seconds);
  serve.request_timeout = WholeMilliseconds(raw.timeout_seconds);
}

std::string FirstLine(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  return Printable(text, 500);
}

// With a PUNA_CONFIG, a --config at the front of the arguments; CLI11 wants them in reverse.
std::vector<std::string> Arguments(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto names_config = [](const std::string& a) {
    return a == "--config" || a.starts_with("--config=");
  };
  const char* config = std::getenv("PUNA_CONFIG");
  if (config != nullptr && *config != '\0' && std::none_of(arguments.begin(), arguments.end(), names_config))
    arguments.insert(arguments.begin(), {"--config", config});
  std::reverse(arguments.begin(), arguments.end());
  return arguments;
}

void Parse(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(Arguments(argc, argv));
  } catch (const CLI::CallForHelp&) {
    throw TextWanted{app.help()};
  } catch (const CLI::CallForVersion&) {
    throw TextWanted{app.version() + "\n"};
  } catch (const CLI::RequiredError&) {
    throw UsageError(
        "a command is needed: serve, generate, inspect, check, health, tokenize or bench (puna --help says "
        "more)");
  } catch (const CLI::ParseError& error) {
    throw UsageError(FirstLine(error.what()) + " (puna --help says more)");
  }
}

}  // namespace

Options ParseOptions(int argc, const char* const* argv) {
  ServeOptions serve;
  GenerateOptions generate;
  InspectOptions inspect;
  CheckOptions check;
  HealthOptions health;
  TokenizeOptions tokenize;
  BenchOptions bench;
  Options options;
  serve.model.directory = generate.model.directory = inspect.directory = check.model.directory =
      tokenize.directory = bench.directory = DemoModelDir();
  RawServeOptions raw;
  double health_seconds = std::chrono::duration<double>(health.timeout).count();

  CLI::App app("Puna serves Meta's Llama checkpoints on a CPU, as they were downloaded", "puna");
  app.set_version_flag("--version", "puna " PUNA_VERSION, "Show the version and exit");
  app.add_flag_callback(
      "--help-markdown", [&app] { throw TextWanted{OptionsTable(app)}; },
      "Show this help for all commands as tables in Markdown and exit");
  app.require_subcommand(1);
  app.fallthrough();
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.config_formatter(std::make_shared<FileUnderEnvironment>());
  app.set_config("--config", "", "Configuration file (TOML), see below")
      ->type_name("FILE")
      ->envname(EnvironmentTwin("config"));
  Add(app, "--log-level", options.log_level, "How much is logged")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}).description(""))
      ->type_name("LEVEL");
  Add(app, "--log-file", options.log_file,
      "File to append the log to; SIGHUP opens it anew, after it was moved away [standard error]")
      ->type_name("FILE");
  app.footer(kFooter);
  AddServe(app, serve, raw);
  AddGenerate(app, generate);
  AddInspect(app, inspect);
  AddCheck(app, check);
  AddHealth(app, health, health_seconds);
  AddTokenize(app, tokenize);
  AddBench(app, bench);
  Parse(app, argc, argv);

  const std::string command = app.get_subcommands().front()->get_name();
  if (command == "serve") {
    FinishServe(serve, raw);
    options.command = std::move(serve);
  } else if (command == "generate") {
    if (!generate.prompt && !generate.chat) throw UsageError("generate needs --prompt or --chat");
    if (!generate.system.empty() && !generate.chat) throw UsageError("--system needs --chat");
    options.command = std::move(generate);
  } else if (command == "inspect") {
    options.command = std::move(inspect);
  } else if (command == "check") {
    options.command = std::move(check);
  } else if (command == "health") {
    health.timeout = WholeMilliseconds(health_seconds);
    options.command = std::move(health);
  } else if (command == "bench") {
    options.command = std::move(bench);
  } else {
    options.command = std::move(tokenize);
  }
  return options;
}

std::filesystem::path DemoModelDir() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    // Installed: PREFIX/bin/puna. Built: build/KIND/puna.
    for (const char* relative : {"../share/puna/models/demo", "../../models/demo"}) {
      const auto directory = (program.parent_path() / relative).lexically_normal();
      if (std::filesystem::exists(directory / "params.json", error)) return directory;
    }
  }
  return PUNA_DEMO_MODEL_DIR;
}

}  // namespace puna
