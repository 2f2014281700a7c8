#include "server/bench/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "server/numbers.h"

namespace puna {
namespace {

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// The median of `value` over a row's repetitions.
template <typename Value>
double MedianOf(const BenchRow& row, Value value) {
  std::vector<double> values;
  for (const BenchRow::Repetition& repetition : row.repetitions) values.push_back(value(repetition));
  return Median(std::move(values));
}

double MedianSeconds(const BenchRow& row) {
  return MedianOf(row, [](const auto& repetition) { return repetition.seconds; });
}

std::optional<double> DepthCostAmong(const BenchRow& row, const std::vector<BenchRow>& all) {
  if (row.kind != BenchRow::Kind::kAnswer || row.depth == 0) return std::nullopt;
  for (const BenchRow& other : all) {
    if (other.kind == row.kind && other.batch == row.batch && other.tokens == row.tokens && other.depth == 0)
      return DepthCost(row, other);
  }
  return std::nullopt;
}

MachineLimits LimitsOf(const std::vector<BenchRow>& all) {
  MachineLimits best;
  for (const BenchRow& row : all) {
    for (const BenchRow::Repetition& repetition : row.repetitions) best = best.Or(repetition.limits);
  }
  return best;
}

}  // namespace

std::string BenchRow::Name() const {
  return fmt::format("{} {}", kind == Kind::kPrompt ? "prompt" : "answer", tokens);
}

BenchFigures Figures(const BenchRow& row) {
  const double tokens = static_cast<double>(row.tokens) * row.batch;
  const auto [fastest, slowest] = std::ranges::minmax(row.repetitions, {}, &BenchRow::Repetition::seconds);
  BenchFigures figures;
  figures.tokens_per_second = MedianOf(row, [&](const auto& r) { return tokens / r.seconds; });
  figures.slowest = tokens / slowest.seconds;
  figures.fastest = tokens / fastest.seconds;
  figures.weights_gb_per_second =
      MedianOf(row, [](const auto& r) { return r.cost.weight_bytes / r.seconds / 1e9; });
  figures.gflops = MedianOf(row, [](const auto& r) { return r.cost.flops / r.seconds / 1e9; });
  figures.share_of_limit = MedianOf(row, [](const auto& r) { return r.limits.Seconds(r.cost) / r.seconds; });
  const BenchRow::Repetition& first = row.repetitions.front();
  figures.memory_bound = (first.cost.weight_bytes + first.cost.kv_bytes) / first.limits.bytes_per_second >
                         first.cost.flops / first.limits.flops_per_second;
  return figures;
}

double DepthCost(const BenchRow& row, const BenchRow& shallow) {
  // An answer at depth 0 reads some keys and values of its own too.
  const double kv_bytes = row.repetitions.front().cost.kv_bytes - shallow.repetitions.front().cost.kv_bytes;
  const double bandwidth = MedianOf(row, [](const auto& r) { return r.limits.bytes_per_second; });
  return (MedianSeconds(row) - MedianSeconds(shallow)) / (kv_bytes / bandwidth);
}

void PrintSubject(std::ostream& out, const BenchSubject& subject) {
  out << fmt::format("{}: {} parameters, {}, {} threads, {}\n\n", subject.model, Grouped(subject.parameters),
                     FormatBytes(static_cast<uint64_t>(subject.weight_bytes)), subject.threads,
                     subject.instruction_set);
}

void PrintHeader(std::ostream& out) {
  out << fmt::format("{:<14} {:>5} {:>6}   {:>9} {:>9} {:>9}   {:>12} {:>9}   {}\n", "test", "batch", "depth",
                     "tokens/s", "slowest", "fastest", "weights GB/s", "GFLOP/s", "of the limit");
}

void PrintRow(std::ostream& out, const BenchRow& row, const std::vector<BenchRow>& all) {
  const BenchFigures f = Figures(row);
  out << fmt::format("{:<14} {:>5} {:>6}   {:>9.2f} {:>9.2f} {:>9.2f}   {:>12.2f} {:>9.1f}   {:.1f} % ({})",
                     row.Name(), row.batch, row.depth, f.tokens_per_second, f.slowest, f.fastest,
                     f.weights_gb_per_second, f.gflops, f.share_of_limit * 100,
                     f.memory_bound ? "memory" : "multiply-adds");
  if (const auto cost = DepthCostAmong(row, all))
    out << fmt::format(", depth costs {:.2f}x its reading", *cost);
  out << '\n' << std::flush;
}

void PrintLimits(std::ostream& out, const std::vector<BenchRow>& all) {
  const MachineLimits limits = LimitsOf(all);
  out << fmt::format(
      "\nThe machine, between the rows: {:.2f} GB/s read, {:.1f} GFLOP/s of f32 multiply-adds\n",
      limits.bytes_per_second / 1e9, limits.flops_per_second / 1e9);
}

void PrintJson(std::ostream& out, const BenchSubject& subject, const std::vector<BenchRow>& all) {
  using Json = nlohmann::ordered_json;
  const MachineLimits limits = LimitsOf(all);
  Json document = {{"model", subject.model},
                   {"parameters", subject.parameters},
                   {"weight_bytes", subject.weight_bytes},
                   {"threads", subject.threads},
                   {"instruction_set", subject.instruction_set},
                   {"read_gb_per_second", limits.bytes_per_second / 1e9},
                   {"fma_gflops", limits.flops_per_second / 1e9},
                   {"rows", Json::array()}};
  for (const BenchRow& row : all) {
    const BenchFigures f = Figures(row);
    Json json = {{"test", row.kind == BenchRow::Kind::kPrompt ? "prompt" : "answer"},
                 {"tokens", row.tokens},
                 {"batch", row.batch},
                 {"depth", row.depth},
                 {"repetitions", row.repetitions.size()},
                 {"tokens_per_second", f.tokens_per_second},
                 {"tokens_per_second_slowest", f.slowest},
                 {"tokens_per_second_fastest", f.fastest},
                 {"weights_gb_per_second", f.weights_gb_per_second},
                 {"gflops", f.gflops},
                 {"percent_of_limit", f.share_of_limit * 100},
                 {"limited_by", f.memory_bound ? "memory" : "multiply-adds"}};
    if (const auto cost = DepthCostAmong(row, all)) json["depth_cost"] = *cost;
    document["rows"].push_back(std::move(json));
  }
  out << document.dump(2) << '\n';
}

}  // namespace puna
