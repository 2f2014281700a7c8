#include "server/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace puna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Options Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "puna");
  return ParseOptions(static_cast<int>(arguments.size()), arguments.data());
}

ServeOptions Serve(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "serve");
  return std::get<ServeOptions>(Parse(std::move(arguments)).command);
}

std::string UsageErrorOf(std::vector<const char*> arguments) {
  try {
    Parse(std::move(arguments));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

// An environment variable for as long as the test runs.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

class OptionsTest : public testing::Test {
 protected:
  std::string File(const std::string& name, const std::string& text) {
    const auto path = std::filesystem::path(testing::TempDir()) / (info_ + name);
    std::ofstream(path) << text;
    return path.string();
  }

 private:
  const std::string info_ = testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(OptionsTest, WeightsAreMappedUnlessACopyIsAskedFor) {
  EXPECT_EQ(Serve({}).model.weights.place, "mmap");
  EXPECT_FALSE(Serve({}).model.weights.lock);
  const ServeOptions serve = Serve({"--weights", "copy", "--lock", "--preload"});
  EXPECT_EQ(serve.model.weights.place, "copy");
  EXPECT_TRUE(serve.model.weights.lock);
  EXPECT_TRUE(serve.model.weights.preload);
  EXPECT_THAT(UsageErrorOf({"serve", "--weights", "fast"}), HasSubstr("mmap"));
  const Variable variable("PUNA_LOCK", "true");
  EXPECT_TRUE(Serve({}).model.weights.lock);
}

TEST_F(OptionsTest, DefaultsAreTheDocumentedOnes) {
  const ServeOptions serve = Serve({});
  EXPECT_EQ(serve.host, "127.0.0.1");
  EXPECT_EQ(serve.port, 8080);
  EXPECT_EQ(serve.chat_max_tokens, 4096);
  EXPECT_EQ(serve.max_queue, 64);
  EXPECT_EQ(serve.max_connections, 256);
  EXPECT_EQ(serve.max_connections_per_client, 128);
  EXPECT_EQ(serve.model.batch_rows, 128);
  EXPECT_EQ(serve.model.chat_format, std::nullopt);
  EXPECT_EQ(serve.model.rope_scaling_factor, 0);
  EXPECT_EQ(serve.drain, std::chrono::seconds(30));
  EXPECT_EQ(serve.drain_delay, std::chrono::seconds(0));
  EXPECT_EQ(serve.request_timeout.count(), 0);
  EXPECT_FALSE(serve.log_prompts);
  EXPECT_EQ(serve.model.directory, DemoModelDir());
  EXPECT_TRUE(std::filesystem::exists(DemoModelDir() / "params.json"));
  EXPECT_TRUE(serve.api_keys.empty());
}

TEST_F(OptionsTest, FlagsAreRead) {
  const ServeOptions serve =
      Serve({"--model",   "/m",           "--host", "0.0.0.0",           "--port=9000", "--threads",
             "3",         "--ctx",        "2048",   "--kv-memory",       "2GiB",        "--api-key",
             "one",       "--api-key",    "two",    "--drain",           "0",           "--allowed-host",
             "llama.lan", "--batch-rows", "32",     "--request-timeout", "0.25",        "--log-prompts"});
  EXPECT_EQ(serve.model.directory, "/m");
  EXPECT_EQ(serve.host, "0.0.0.0");
  EXPECT_EQ(serve.port, 9000);
  EXPECT_EQ(serve.model.threads, 3);
  EXPECT_EQ(serve.model.context, 2048);
  EXPECT_EQ(serve.model.batch_rows, 32);
  EXPECT_EQ(serve.model.kv_memory, uint64_t{2} << 30);
  EXPECT_THAT(serve.api_keys, ElementsAre("one", "two"));
  EXPECT_THAT(serve.allowed_hosts, ElementsAre("llama.lan"));
  EXPECT_EQ(serve.drain, std::chrono::seconds(0));
  EXPECT_EQ(serve.request_timeout, std::chrono::milliseconds(250));
  EXPECT_TRUE(serve.log_prompts);
}

TEST_F(OptionsTest, ATimeLimitHowEverSmallIsNotNone) {
  EXPECT_EQ(Serve({"--request-timeout", "0.0001"}).request_timeout, std::chrono::milliseconds(1));
  const Variable timeout("PUNA_REQUEST_TIMEOUT", "7");
  EXPECT_EQ(Serve({}).request_timeout, std::chrono::seconds(7));
  const Variable prompts("PUNA_LOG_PROMPTS", "true");
  EXPECT_TRUE(Serve({}).log_prompts);
}

TEST_F(OptionsTest, TheCommandLineCountsMoreThanTheEnvironmentAndThatMoreThanTheFile) {
  const std::string file =
      File("config.toml", "[serve]\nport = 9001\nhost = \"::1\"\napi-key = [\"a\", \"b\"]\n");
  EXPECT_EQ(Serve({"--config", file.c_str()}).port, 9001);
  EXPECT_THAT(Serve({"--config", file.c_str()}).api_keys, ElementsAre("a", "b"));
  const Variable port("PUNA_PORT", "9002");
  EXPECT_EQ(Serve({"--config", file.c_str()}).port, 9002);
  EXPECT_EQ(Serve({"--config", file.c_str()}).host, "::1");
  EXPECT_EQ(Serve({"--config", file.c_str(), "--port", "9003"}).port, 9003);
  const Variable config("PUNA_CONFIG", file.c_str());
  EXPECT_EQ(Serve({}).host, "::1");
}

TEST_F(OptionsTest, WrongUseIsOneSentenceThatNamesTheFlag) {
  EXPECT_THAT(UsageErrorOf({"serve", "--port", "70000"}), HasSubstr("--port"));
  EXPECT_THAT(UsageErrorOf({"serve", "--port", "http"}), HasSubstr("--port"));
  EXPECT_THAT(UsageErrorOf({"serve", "--threads", "0"}), HasSubstr("--threads"));
  EXPECT_THAT(UsageErrorOf({"serve", "--kv-memory", "much"}), HasSubstr("--kv-memory"));
  EXPECT_THAT(UsageErrorOf({"serve", "--log-level", "loud"}), HasSubstr("--log-level"));
  EXPECT_THAT(UsageErrorOf({"serve", "--nope"}), HasSubstr("--nope"));
  EXPECT_THAT(UsageErrorOf({"serve", "--api-key", "with blank"}), HasSubstr("API key"));
  EXPECT_THAT(UsageErrorOf({"serve", "--config", "/does/not/exist"}), HasSubstr("/does/not/exist"));
  EXPECT_THAT(UsageErrorOf({}), HasSubstr("serve"));
  EXPECT_THAT(UsageErrorOf({"generate"}), HasSubstr("--prompt"));
  EXPECT_THAT(UsageErrorOf({"generate", "-p", "x", "--system", "y"}), HasSubstr("--chat"));
  for (const auto& wrong : {UsageErrorOf({"serve", "--nope"}), UsageErrorOf({})})
    EXPECT_EQ(wrong.find('\n'), std::string::npos);
}

TEST_F(OptionsTest, AMistakeInTheFileIsNotPassedOver) {
  const std::string file = File("config.toml", "[serve]\nprot = 9001\n");
  EXPECT_THAT(UsageErrorOf({"serve", "--config", file.c_str()}), HasSubstr("prot"));
}

TEST_F(OptionsTest, HelpIsTextNotAnError) {
  for (const std::vector<const char*>& arguments :
       {std::vector<const char*>{"--help"}, {"serve", "--help"}, {"--version"}}) {
    try {
      Parse(arguments);
      ADD_FAILURE();
    } catch (const TextWanted& wanted) {
      EXPECT_THAT(wanted.text, HasSubstr("puna"));
    }
  }
}

TEST_F(OptionsTest, KeysComeFromAFileToo) {
  const std::string file = File("keys", "# people\n\n  alice-key \r\nbob-key");
  EXPECT_THAT(Serve({"--api-key", "mine", "--api-key-file", file.c_str()}).api_keys,
              ElementsAre("mine", "alice-key", "bob-key"));
  EXPECT_THROW(Serve({"--api-key-file", "/does/not/exist"}), Error);
  const std::string empty = File("empty", "# nobody\n");
  EXPECT_THROW(Serve({"--api-key-file", empty.c_str()}), Error);
}

TEST_F(OptionsTest, OtherCommandsHaveTheirOwn) {
  const auto generate = std::get<GenerateOptions>(
      Parse({"generate", "--chat", "--system", "Be kind", "-p", "Hi", "--max-tokens", "5"}).command);
  EXPECT_TRUE(generate.chat);
  EXPECT_EQ(generate.system, "Be kind");
  EXPECT_EQ(generate.prompt, "Hi");
  EXPECT_EQ(generate.max_tokens, 5);
  EXPECT_EQ(std::get<InspectOptions>(Parse({"inspect", "--model", "/m"}).command).directory, "/m");
  EXPECT_EQ(std::get<TokenizeOptions>(Parse({"tokenize", "some text"}).command).text, "some text");
}

TEST_F(OptionsTest, HealthFindsTheServerAsTheServerFindsItsAddress) {
  const auto health = std::get<HealthOptions>(Parse({"health"}).command);
  EXPECT_EQ(health.host, ServeOptions().host);
  EXPECT_EQ(health.port, ServeOptions().port);
  EXPECT_EQ(health.timeout, std::chrono::seconds(5));
  const Variable port("PUNA_PORT", "9002");
  const Variable host("PUNA_HOST", "0.0.0.0");
  EXPECT_EQ(std::get<HealthOptions>(Parse({"health"}).command).port, Serve({}).port);
  EXPECT_EQ(std::get<HealthOptions>(Parse({"health"}).command).host, Serve({}).host);
}

TEST_F(OptionsTest, CheckPlansMemoryAsServeDoes) {
  const auto check = std::get<CheckOptions>(
      Parse({"check", "--model", "/m", "--ctx", "512", "--kv-memory", "1GiB"}).command);
  EXPECT_EQ(check.model.directory, "/m");
  EXPECT_EQ(check.model.context, 512);
  EXPECT_EQ(check.model.kv_memory, uint64_t{1} << 30);
}

TEST_F(OptionsTest, NamesAndOriginsAreSeparatedByCommasWhereThereIsOneVariableForThem) {
  const Variable hosts("PUNA_ALLOWED_HOST", "a.example,b.example");
  const Variable origins("PUNA_CORS_ORIGIN", "https://a.example,https://b.example:8443");
  EXPECT_THAT(Serve({}).allowed_hosts, ElementsAre("a.example", "b.example"));
  EXPECT_THAT(Serve({}).cors_origins, ElementsAre("https://a.example", "https://b.example:8443"));
  EXPECT_THAT(Serve({"--allowed-host", "c", "--allowed-host", "d"}).allowed_hosts, ElementsAre("c", "d"));
}

TEST_F(OptionsTest, TheLogGoesToAFileIfOneIsNamed) {
  EXPECT_EQ(Parse({"serve"}).log_file, "");
  EXPECT_EQ(Parse({"serve", "--log-file", "/var/log/puna.log"}).log_file, "/var/log/puna.log");
}

TEST_F(OptionsTest, WhatWasDetectedOfAModelCanBeOverruled) {
  const ServeOptions serve = Serve({"--chat-format", "llama2", "--rope-scaling-factor", "32"});
  EXPECT_EQ(serve.model.chat_format, ChatFormat::kLlama2);
  EXPECT_EQ(serve.model.rope_scaling_factor, 32);
  EXPECT_EQ(Serve({"--chat-format", "none"}).model.chat_format, ChatFormat::kNone);
  EXPECT_THAT(UsageErrorOf({"serve", "--chat-format", "chatml"}), HasSubstr("--chat-format"));
  EXPECT_THAT(UsageErrorOf({"serve", "--rope-scaling-factor", "0.5"}), HasSubstr("--rope-scaling-factor"));
  const Variable variable("PUNA_CHAT_FORMAT", "llama2");
  EXPECT_EQ(Serve({}).model.chat_format, ChatFormat::kLlama2);
}

TEST_F(OptionsTest, BenchTakesListsWithCommas) {
  const auto bench = std::get<BenchOptions>(
      Parse({"bench", "-p", "16,512", "-b", "1,8", "--ctx-depth", "0,2048", "--json"}).command);
  EXPECT_THAT(bench.prompts, ElementsAre(16, 512));
  EXPECT_THAT(bench.batches, ElementsAre(1, 8));
  EXPECT_THAT(bench.depths, ElementsAre(0, 2048));
  EXPECT_EQ(bench.answer, 128);
  EXPECT_TRUE(bench.json);
  EXPECT_THAT(UsageErrorOf({"bench", "-b", "1,0"}), HasSubstr("--batch"));
}

}  // namespace
}  // namespace puna
