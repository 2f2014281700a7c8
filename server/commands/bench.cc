#include "server/commands/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/base/machine.h"
#include "engine/engine.h"
#include "engine/ops/instruction_set.h"
#include "loaders/model_dir.h"
#include "server/bench/bench_model.h"
#include "server/bench/bench_report.h"
#include "server/numbers.h"
#include "server/place_weights.h"
#include "server/progress_line.h"

namespace puna {
namespace {

std::vector<BenchRow> Plan(const BenchOptions& options) {
  std::vector<BenchRow> rows;
  for (const int tokens : options.prompts)
    if (tokens > 0) rows.push_back({BenchRow::Kind::kPrompt, tokens, 1, 0, {}});
  if (options.answer > 0) {
    for (const int depth : options.depths) {
      for (const int batch : options.batches)
        rows.push_back({BenchRow::Kind::kAnswer, options.answer, batch, depth, {}});
    }
  }
  return rows;
}

int Positions(const BenchRow& row) { return row.depth + row.tokens; }

// Rows that memory does not hold are left out, with a line that says so.
std::vector<BenchRow> Affordable(std::vector<BenchRow> rows, const ModelDir& dir) {
  const auto weights = static_cast<uint64_t>(dir.WeightBytes());
  const uint64_t available = AvailableMemory();
  const uint64_t room = available == 0 ? UINT64_MAX : available - std::min(available, weights);
  std::erase_if(rows, [&](const BenchRow& row) {
    const uint64_t needed = static_cast<uint64_t>(BenchModel::BlocksFor(row.batch, Positions(row))) *
                            Llama::KvBlockBytes(dir.config);
    if (Positions(row) > dir.config.max_context) {
      fmt::print(stderr, "left out: {}, batch {}, depth {}: the model ends at {} positions\n", row.Name(),
                 row.batch, row.depth, dir.config.max_context);
      return true;
    }
    if (needed <= room) return false;
    fmt::print(
        stderr,
        "left out: {}, batch {}, depth {} needs {} for keys and values, {} is free beside the weights\n",
        row.Name(), row.batch, row.depth, FormatBytes(needed), FormatBytes(room));
    return true;
  });
  if (rows.empty()) throw Error("nothing to measure: no row is left");
  return rows;
}

BenchModel MakeModel(const ModelDir& dir, ThreadPool& pool, const std::vector<BenchRow>& rows) {
  int positions = 0;
  int blocks = 0;
  for (const BenchRow& row : rows) {
    positions = std::max(positions, Positions(row));
    blocks = std::max(blocks, BenchModel::BlocksFor(row.batch, Positions(row)));
  }
  // As many rows as a step of the server has.
  return {dir, pool, EngineOptions().max_rows_per_step, positions, blocks};
}

BenchModel::Run Repeat(BenchModel& model, const BenchRow& row, int tokens) {
  return row.kind == BenchRow::Kind::kPrompt ? model.Prefill(tokens)
                                             : model.Decode(row.batch, row.depth, tokens);
}

}  // namespace

void Bench(const BenchOptions& options, StopSignals& signals, std::ostream& out) {
  CheckInstructionSet();
  UseInstructionSet(options.instruction_set);
  const ModelDir dir = OpenModelDir(options.directory);
  ThreadPool pool(options.threads > 0 ? options.threads : DefaultThreadCount());
  const BenchSubject subject{Printable(dir.name), dir.ParameterCount(), dir.WeightBytes(), pool.threads(),
                             std::string(InstructionSet())};
  const std::vector<BenchRow> plan = Affordable(Plan(options), dir);
  PlaceWeights(dir, options.weights);
  BenchModel model = MakeModel(dir, pool, plan);
  MachineProbe probe(pool);

  if (!options.json) {
    PrintSubject(out, subject);
    PrintHeader(out);
  }
  std::vector<BenchRow> done;
  const ProgressLine progress;
  for (const BenchRow& planned : plan) {
    BenchRow row = planned;
    progress.Show(fmt::format("[{}/{}] {}, batch {}, depth {}: warming up", done.size() + 1, plan.size(),
                              row.Name(), row.batch, row.depth));
    Repeat(model, row, std::min(row.tokens, row.kind == BenchRow::Kind::kPrompt ? 16 : 1));
    for (int i = 0; i < options.repetitions; ++i) {
      progress.Show(fmt::format("[{}/{}] {}, batch {}, depth {}: {} of {}", done.size() + 1, plan.size(),
                                row.Name(), row.batch, row.depth, i + 1, options.repetitions));
      const MachineLimits before = probe.Measure();
      const BenchModel::Run run = Repeat(model, row, row.tokens);
      row.repetitions.push_back({run.seconds, run.cost, before.Or(probe.Measure())});
      if (signals.Take()) return;
    }
    progress.Clear();
    if (!options.json) PrintRow(out, row, done);
    done.push_back(std::move(row));
  }
  if (options.json) {
    PrintJson(out, subject, done);
  } else {
    PrintLimits(out, done);
  }
}

}  // namespace puna
