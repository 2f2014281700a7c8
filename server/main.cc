#include <fmt/format.h>
#include <unistd.h>

#include <exception>
#include <iostream>
#include <memory>
#include <new>
#include <system_error>

#include "server/commands/bench.h"
#include "server/commands/check.h"
#include "server/commands/generate.h"
#include "server/commands/health.h"
#include "server/commands/inspect.h"
#include "server/commands/serve.h"
#include "server/commands/tokenize.h"
#include "server/model_kind.h"
#include "server/options.h"
#include "server/program_log.h"
#include "server/stop_signals.h"

namespace puna {
namespace {

struct RunCommand {
  StopSignals& signals;

  void operator()(const ServeOptions& options) const { Serve(options, signals, STDOUT_FILENO); }
  void operator()(const GenerateOptions& options) const { Generate(options, signals); }
  void operator()(const InspectOptions& options) const {
    const ModelDir dir = OpenModelDir(options.directory);
    PrintInspection(std::cout, dir, DetectModelKind(dir, *LoadTokenizer(dir), std::nullopt));
  }
  void operator()(const CheckOptions& options) const { CheckModel(options, std::cout, STDERR_FILENO); }
  void operator()(const HealthOptions& options) const { CheckHealth(options, std::cout); }
  void operator()(const TokenizeOptions& options) const { Tokenize(options); }
  void operator()(const BenchOptions& options) const { Bench(options, signals, std::cout); }
};

void Run(int argc, const char* const* argv) {
  const Options options = ParseOptions(argc, argv);
  StopSignals signals(!options.log_file.empty());
  // Standard output is for what the command is asked for.
  const auto log = options.log_file.empty()
                       ? std::make_unique<ProgramLog>(options.log_level, STDERR_FILENO)
                       : std::make_unique<ProgramLog>(options.log_level, options.log_file);
  signals.OnHangUp([&log] { log->Reopen(); });
  std::visit(RunCommand{signals}, options.command);
}

}  // namespace
}  // namespace puna

int main(int argc, char** argv) {
  try {
    puna::Run(argc, argv);
    return 0;
  } catch (const puna::TextWanted& wanted) {
    std::cout << wanted.text;
    return 0;
  } catch (const puna::UsageError& error) {
    fmt::print(stderr, "puna: {}\n", error.what());
    return 2;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "puna: this process may not have as much memory as it needs\n");
    return 1;
  } catch (const std::system_error& error) {
    // Of the standard library: a thread that could not be started, most of the time.
    fmt::print(stderr, "puna: the system refused what the program needs: {}\n", error.what());
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "puna: {}\n", error.what());
    return 1;
  }
}
