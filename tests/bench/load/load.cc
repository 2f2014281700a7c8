// Clients that ask a running server all at once: throughput and latencies, for several numbers of clients.
#include <fmt/format.h>
#include <httplib.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>

#include "engine/base/error.h"
#include "tests/bench/load/latency_plot.h"
#include "tests/bench/load/report.h"

namespace puna::bench {
namespace {

struct Options {
  std::string url = "http://127.0.0.1:8080";
  std::string api_key;
  std::string prompt_file;
  std::string extra = "{}";
  std::string svg;
  std::vector<int> clients = {1, 8};
  bool completions = false;
  bool json = false;
  int64_t warmup = -1;
  LoadLength length;
  WorkloadOptions workload;
};

void AddOptions(CLI::App& app, Options& options) {
  WorkloadOptions& workload = options.workload;
  app.add_option("--url", options.url, "The server, http://ADDRESS:PORT")->capture_default_str();
  app.add_option("--api-key", options.api_key, "Key to bring, if the server wants one");
  app.add_option("--clients", options.clients, "Numbers of clients, one run each, such as 1,8")
      ->delimiter(',')
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--requests", options.length.requests, "Requests of each run [32 for each client]")
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.length.seconds, "Length of each run; what runs then is broken off")
      ->check(CLI::PositiveNumber);
  app.add_option("--warmup", options.warmup, "Requests before each run that are not counted [one per client]")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--completions", options.completions, "Ask /v1/completions instead of /v1/chat/completions");
  app.add_option("--model", workload.model, "Name of the model [the first one the server has]");
  app.add_option("--prompts", options.prompt_file,
                 "File with prompts, one per line [a mix of short and long]");
  app.add_option("--max-tokens", workload.max_tokens, "Tokens of an answer at most")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  app.add_option("--extra", options.extra, "JSON object with more members for every request")
      ->type_name("JSON")
      ->capture_default_str();
  app.add_flag("--fresh", workload.fresh, "Number the prompts, so that no prefix is found cached");
  app.add_option("--gone", workload.gone, "Share of requests whose client leaves before the end")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--seed", workload.seed, "Decides who leaves and when")->capture_default_str();
  app.add_flag("--json", options.json, "Print JSON instead of a table");
  app.add_option("--svg", options.svg, "Draw the latencies into this file")->type_name("FILE");
}

LoadTarget ParseUrl(const std::string& url) {
  const std::string_view scheme = "http://";
  const size_t colon = url.rfind(':');
  LoadTarget target;
  const char* end = url.data() + url.size();
  if (url.starts_with(scheme) && colon > scheme.size()) {
    target.host = url.substr(scheme.size(), colon - scheme.size());
    if (target.host == "localhost") target.host = "127.0.0.1";
    const auto [rest, error] = std::from_chars(url.data() + colon + 1, end, target.port);
    if (error == std::errc() && (rest == end || std::string_view(rest, end) == "/")) return target;
  }
  throw Error("--url: expected http://ADDRESS:PORT, found " + Printable(url));
}

std::string FirstModel(const LoadTarget& target, const std::string& api_key) {
  httplib::Client client(target.host, target.port);
  httplib::Headers headers;
  if (!api_key.empty()) headers.emplace("Authorization", "Bearer " + api_key);
  const auto answer = client.Get("/v1/models", headers);
  if (!answer) throw Error(fmt::format("no answer from {}:{}", target.host, target.port));
  if (answer->status != 200) throw Error(fmt::format("/v1/models: expected 200, found {}", answer->status));
  return nlohmann::json::parse(answer->body).at("data").at(0).at("id").get<std::string>();
}

std::vector<std::string> ReadPrompts(const std::string& path) {
  if (path.empty()) return MixedPrompts();
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  std::vector<std::string> prompts = ParsePrompts(text.str());
  if (!file || prompts.empty()) throw Error("--prompts: no prompt in " + Printable(path));
  return prompts;
}

std::vector<LoadResult> RunAll(const Options& options, const LoadTarget& target) {
  const Workload workload(options.workload);
  std::vector<LoadResult> results;
  int64_t number = 0;
  for (const int clients : options.clients) {
    LoadLength length = options.length;
    if (length.requests == 0 && length.seconds == 0) length.requests = 32 * int64_t{clients};
    LoadLength warmup;
    warmup.requests = options.warmup < 0 ? clients : options.warmup;
    if (warmup.requests > 0) RunClients(target, workload, clients, warmup, number);
    // Numbers that the server has not seen: the prompts are numbered with --fresh.
    number += warmup.requests;
    results.push_back(RunClients(target, workload, clients, length, number));
    number += results.back().completed + results.back().left + results.back().failures();
  }
  return results;
}

int Run(int argc, char** argv) {
  CLI::App app("Asks a running puna, or another server of OpenAI's API, with many clients at once.", "load");
  Options options;
  AddOptions(app, options);
  CLI11_PARSE(app, argc, argv);

  LoadTarget target = ParseUrl(options.url);
  if (!options.api_key.empty()) target.headers = "Authorization: Bearer " + options.api_key + "\r\n";
  WorkloadOptions& workload = options.workload;
  workload.extra = nlohmann::json::parse(options.extra, nullptr, /*allow_exceptions=*/false);
  if (!workload.extra.is_object()) throw Error("--extra: expected a JSON object");
  workload.endpoint = options.completions ? Endpoint::kCompletions : Endpoint::kChat;
  workload.prompts = ReadPrompts(options.prompt_file);
  if (workload.model.empty()) workload.model = FirstModel(target, options.api_key);

  const std::vector<LoadResult> results = RunAll(options, target);
  const std::string report = options.json ? ReportJson(results).dump(2) + "\n" : Table(results);
  std::fwrite(report.data(), 1, report.size(), stdout);
  if (!options.svg.empty()) {
    std::ofstream file(options.svg, std::ios::binary);
    file << LatencyPlot(results);
    if (!file.flush()) throw Error("cannot write " + Printable(options.svg));
  }
  return 0;
}

}  // namespace
}  // namespace puna::bench

int main(int argc, char** argv) {
  try {
    return puna::bench::Run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "load: {}\n", error.what());
    return 1;
  }
}
