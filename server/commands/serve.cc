#include "server/commands/serve.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "engine/base/check.h"
#include "server/api/server_state.h"
#include "server/fingerprint.h"
#include "server/http_server.h"
#include "server/model_runtime.h"
#include "server/patient_write.h"
#include "server/routes.h"
#include "server/service_manager.h"

namespace puna {
namespace {

using Clock = std::chrono::steady_clock;

// How often an idle server looks whether somebody has written to its model.
constexpr int kLookMilliseconds = 1000;

// After the engine has ended all answers their last bytes only have to be sent.
constexpr std::chrono::seconds kLastBytes{2};

bool IsLoopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  if (host == "localhost") return true;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

// What a browser on this machine opens.
std::string Url(const std::string& host, int port) {
  if (host == "0.0.0.0" || host == "::") return fmt::format("http://127.0.0.1:{}", port);
  return host.find(':') == std::string::npos ? fmt::format("http://{}:{}", host, port)
                                             : fmt::format("http://[{}]:{}", host, port);
}

int64_t SecondsOf(const std::filesystem::path& file) {
  const auto written = std::chrono::file_clock::to_sys(std::filesystem::last_write_time(file));
  return std::chrono::duration_cast<std::chrono::seconds>(written.time_since_epoch()).count();
}

HttpServerOptions HttpOptions(const ServeOptions& options, Metrics& metrics) {
  HttpServerOptions http;
  http.on_end = [&metrics](const HttpEnd& end) { metrics.Count(end); };
  http.host = options.host;
  http.port = options.port;
  http.allowed_hosts = options.allowed_hosts;
  http.allowed_origins = options.cors_origins;
  http.limits.max_connections = options.max_connections;
  http.limits.max_connections_per_client = options.max_connections_per_client;
  return http;
}

std::string Summary(const ServeOptions& options, const ModelRuntime& runtime, int port) {
  std::string out = "puna " PUNA_VERSION "\n" + runtime.Summary();
  out += fmt::format("  {:<14}{}\n", "url", Url(options.host, port));
  std::error_code error;
  if (std::filesystem::equivalent(options.model.directory, DemoModelDir(), error)) {
    out +=
        "\nThis is the demo model: tiny, made to show that everything works, wrong about most things.\n"
        "For Llama 3.1, download Meta-Llama-3.1-8B-Instruct from Meta (llama.com) and start\n"
        "  puna serve --model DIR    (DIR holds params.json, tokenizer.model, consolidated.00.pth)\n";
  }
  if (!IsLoopback(options.host) && options.api_keys.empty()) {
    out += "\nWarning: anyone who can reach this machine on " + Printable(options.host) +
           " can use this server; --api-key or --api-key-file closes it.\n";
  }
  if (options.log_prompts) out += "\nWarning: the log holds what users send (--log-prompts).\n";
  return out + "\nReady. Ctrl-C stops.\n";
}

// The server works also if nobody reads what it has to say.
void Print(int fd, const std::string& text) {
  const std::atomic give_up{Clock::now() + kLastBytes};
  PatientWrite(fd, text, give_up);
}

// Ends the engine in a thread of its own, as the main one has to listen for a second signal.
class Drain {
 public:
  Drain(Engine& engine, std::chrono::milliseconds grace)
      : engine_(engine), done_fd_(eventfd(0, EFD_CLOEXEC)) {
    CHECK(done_fd_ >= 0) << "eventfd";
    thread_ = std::thread([this, grace] {
      engine_.Stop(grace);
      const uint64_t one = 1;
      CHECK(write(done_fd_, &one, sizeof(one)) == sizeof(one));
    });
  }
  ~Drain() {
    thread_.join();
    close(done_fd_);
  }

  void Hurry() { engine_.Stop(std::chrono::milliseconds(0)); }

  // Readable once all answers have ended.
  int fd() const { return done_fd_; }

 private:
  Engine& engine_;
  const int done_fd_;
  std::thread thread_;
};

void WaitForSignal(StopSignals& signals, const ModelRuntime& runtime) {
  pollfd wait{signals.fd(), POLLIN, 0};
  do {
    runtime.EndIfFilesChanged();
    poll(&wait, 1, kLookMilliseconds);
  } while (!signals.Take());
}

// Waits for a second signal, but not longer than that. True if it came.
bool SignalWithin(std::chrono::seconds time, StopSignals& signals) {
  const auto end = Clock::now() + time;
  while (!signals.Take()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    pollfd wait{signals.fd(), POLLIN, 0};
    poll(&wait, 1, static_cast<int>(left));
  }
  return true;
}

void EndAnswers(Engine& engine, std::chrono::milliseconds grace, StopSignals& signals) {
  Drain drain(engine, grace);
  while (true) {
    pollfd wait[] = {{drain.fd(), POLLIN, 0}, {signals.fd(), POLLIN, 0}};
    poll(wait, 2, -1);
    if (wait[0].revents != 0) return;
    if (signals.Take()) {
      spdlog::info("second signal: running answers end now");
      drain.Hurry();
    }
  }
}

}  // namespace

void Serve(const ServeOptions& options, StopSignals& signals, int out) {
  // The server goes first whatever happens, as its handlers use what is above it.
  ServerState state;
  state.log_prompts = options.log_prompts;
  std::optional<ModelRuntime> runtime;
  std::unique_ptr<ServedModel> model;
  HttpServer server(HttpOptions(options, state.metrics));
  AddRoutes(server, state, ApiKeys(options.api_keys));
  // Open before the model is, so that a taken port is an error at once, and whoever waits for the server is
  // told that it is loading.
  server.Start();

  runtime.emplace(options.model, options.max_queue);
  for (const std::string& notice : runtime->dir().notices) spdlog::warn("{}", Printable(notice, 500));
  model.reset(new ServedModel{.engine = runtime->engine(),
                              .tokenizer = runtime->tokenizer(),
                              .chat_format = runtime->kind().chat_format,
                              .id = Printable(runtime->dir().name),
                              .created = SecondsOf(runtime->dir().files.front().path()),
                              .fingerprint = SystemFingerprint(runtime->dir()),
                              .max_context = runtime->max_context(),
                              .chat_max_tokens = options.chat_max_tokens,
                              .request_timeout = options.request_timeout,
                              .details = {.parameters = runtime->dir().ParameterCount(),
                                          .bytes = runtime->dir().WeightBytes(),
                                          .trained_context = runtime->dir().config.max_context,
                                          .embedding_length = runtime->dir().config.dim},
                              .structure = runtime->Structure(),
                              .unknown_fields = {},
                              .draining = false});
  state.model = model.get();
  Print(out, Summary(options, *runtime, server.port()));

  NotifyServiceManager(fmt::format("READY=1\nSTATUS=serves {} on {}", Printable(runtime->dir().name),
                                   Url(options.host, server.port())));
  WaitForSignal(signals, *runtime);
  NotifyServiceManager("STOPPING=1\nSTATUS=running answers end");
  // The port stays open meanwhile, so that /health can say so.
  model->leaving = true;
  std::chrono::seconds grace = options.drain;
  if (options.drain_delay.count() > 0) {
    spdlog::info("stopping: new requests are refused in {} s", options.drain_delay.count());
    if (SignalWithin(options.drain_delay, signals)) grace = std::chrono::seconds(0);
  }
  spdlog::info("stopping: running answers have {} s to end", grace.count());
  model->draining = true;
  EndAnswers(runtime->engine(), grace, signals);
  server.StopAccepting();
  server.WaitIdle(Clock::now() + kLastBytes);
  server.Stop();
  spdlog::info("stopped");
}

}  // namespace puna
