#include "server/bench/bench_model.h"

#include <algorithm>
#include <chrono>

#include "engine/ops/attention.h"

namespace puna {
namespace {

LlamaOptions Options(int max_rows, int max_positions, int kv_blocks) {
  LlamaOptions options;
  options.max_rows = max_rows;
  options.max_positions = max_positions;
  options.num_kv_blocks = kv_blocks;
  return options;
}

// Different tokens at different places, the same in every run.
int32_t Token(const ModelConfig& config, int sequence, int position) {
  const uint32_t mixed =
      (static_cast<uint32_t>(sequence) * 7919 + static_cast<uint32_t>(position)) * 2654435761u;
  return static_cast<int32_t>((mixed >> 8) % static_cast<uint32_t>(config.vocab_size));
}

}  // namespace

BenchModel::BenchModel(const ModelDir& dir, ThreadPool& pool, int max_rows, int max_positions, int kv_blocks)
    : dir_(dir),
      max_rows_(max_rows),
      kv_blocks_(kv_blocks),
      model_(dir.config, dir.weights, pool, Options(max_rows, max_positions, kv_blocks)) {}

int BenchModel::BlocksFor(int sequences, int positions) {
  return sequences * ((positions + kKvBlockTokens - 1) / kKvBlockTokens);
}

BatchSequence BenchModel::Sequence(int first_block, int first_row, int n_rows, int end_position) const {
  BatchSequence sequence{first_row, n_rows, {}};
  for (int block = 0; block < BlocksFor(1, end_position); ++block)
    sequence.block_table.push_back(first_block + block);
  return sequence;
}

BenchModel::Run BenchModel::Forward(const Batch& batch, int depth) {
  const auto logits = std::ranges::count_if(batch.rows, [](const BatchRow& row) { return row.wants_logits; });
  Run run;
  run.cost = CostOfStep(dir_.config, dir_.weights, static_cast<int>(batch.rows.size()),
                        static_cast<int>(logits), static_cast<int>(batch.sequences.size()), depth);
  const auto start = std::chrono::steady_clock::now();
  model_.Forward(batch);
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return run;
}

BenchModel::Run BenchModel::Prefill(int tokens) {
  Run all;
  for (int first = 0; first < tokens; first += max_rows_) {
    const int rows = std::min(max_rows_, tokens - first);
    Batch batch;
    for (int position = first; position < first + rows; ++position)
      batch.rows.push_back({Token(dir_.config, 0, position), position, position + 1 == tokens});
    batch.sequences.push_back(Sequence(0, 0, rows, first + rows));
    const Run step = Forward(batch, first);
    all.seconds += step.seconds;
    all.cost += step.cost;
  }
  return all;
}

// A depth of thousands of positions would take minutes to compute. What attention reads takes the same time
// whatever it says, so the first block is computed and the others are copies of it.
void BenchModel::FillCache(int sequences, int depth) {
  if (sequences == filled_sequences_ && depth == filled_depth_) return;
  Prefill(std::min(kKvBlockTokens, depth));
  Batch batch;
  for (int sequence = 0; sequence < sequences; ++sequence) {
    for (int block = 0; block < BlocksFor(1, depth); ++block)
      batch.copies.push_back({0, sequence * (kv_blocks_ / sequences) + block});
  }
  // A batch has a row: the one that is there already, once more.
  batch.rows.push_back({Token(dir_.config, 0, 0), 0, false});
  batch.sequences.push_back(Sequence(0, 0, 1, 1));
  Forward(batch, 0);
  filled_sequences_ = sequences;
  filled_depth_ = depth;
}

BenchModel::Run BenchModel::Decode(int sequences, int depth, int steps) {
  if (depth > 0) FillCache(sequences, depth);
  Run all;
  for (int step = 0; step < steps; ++step) {
    Batch batch;
    const int position = depth + step;
    for (int sequence = 0; sequence < sequences; ++sequence) {
      batch.rows.push_back({Token(dir_.config, sequence, position), position, true});
      batch.sequences.push_back(Sequence(sequence * (kv_blocks_ / sequences), sequence, 1, position + 1));
    }
    const Run run = Forward(batch, position);
    all.seconds += run.seconds;
    all.cost += run.cost;
  }
  return all;
}

}  // namespace puna
