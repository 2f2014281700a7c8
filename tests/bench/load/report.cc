#include "tests/bench/load/report.h"

#include <fmt/format.h>

#include "tests/bench/load/percentiles.h"

namespace puna::bench {
namespace {

double Ratio(const LoadResult& result, const LoadResult& first) {
  return first.TokensPerSecond() > 0 ? result.TokensPerSecond() / first.TokensPerSecond() : 0;
}

std::string Columns(const Percentiles& ms) {
  return fmt::format("{:8.2f}{:8.2f}{:8.2f}{:9.2f}", ms.At(50), ms.At(90), ms.At(99), ms.Max());
}

nlohmann::ordered_json PercentilesJson(const Percentiles& ms) {
  return {
      {"count", ms.count()}, {"p50", ms.At(50)}, {"p90", ms.At(90)}, {"p99", ms.At(99)}, {"max", ms.Max()}};
}

}  // namespace

std::string Table(std::span<const LoadResult> results) {
  std::string table = fmt::format("{:>57} | {:^32} | {:^32}\n", "", "first token, ms", "between tokens, ms");
  const std::string percentiles = fmt::format("{:>8}{:>8}{:>8}{:>9}", "p50", "p90", "p99", "max");
  table += fmt::format("{:>7} {:>8} {:>6} {:>6} {:>8} {:>9} {:>6}  | {} | {}\n", "clients", "requests",
                       "left", "failed", "tokens", "tokens/s", "ratio", percentiles, percentiles);
  for (const LoadResult& result : results) {
    const int64_t requests = result.completed + result.left + result.failures();
    table += fmt::format("{:>7} {:>8} {:>6} {:>6} {:>8} {:>9.1f} {:>6.2f}  | {} | {}\n", result.clients,
                         requests, result.left, result.failures(), result.tokens, result.TokensPerSecond(),
                         Ratio(result, results.front()), Columns(Percentiles(result.first_ms)),
                         Columns(Percentiles(result.gaps_ms)));
  }
  for (const LoadResult& result : results) {
    for (const auto& [what, count] : result.failed)
      table += fmt::format("{} clients: {} times {}\n", result.clients, count, what);
  }
  return table;
}

nlohmann::ordered_json ReportJson(std::span<const LoadResult> results) {
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  for (const LoadResult& result : results) {
    report.push_back({{"clients", result.clients},
                      {"seconds", result.seconds},
                      {"completed", result.completed},
                      {"left", result.left},
                      {"failed", result.failed},
                      {"prompt_tokens", result.prompt_tokens},
                      {"cached_tokens", result.cached_tokens},
                      {"tokens", result.tokens},
                      {"tokens_per_second", result.TokensPerSecond()},
                      {"ratio", Ratio(result, results.front())},
                      {"first_token_ms", PercentilesJson(Percentiles(result.first_ms))},
                      {"between_tokens_ms", PercentilesJson(Percentiles(result.gaps_ms))}});
  }
  return report;
}

}  // namespace puna::bench
