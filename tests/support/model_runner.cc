#include "tests/support/model_runner.h"

#include <algorithm>
#include <numeric>

#include "engine/base/check.h"
#include "engine/ops/attention.h"
#include "engine/ops/elementwise.h"

namespace puna {

ModelRunner::ModelRunner(const std::filesystem::path& directory, const Options& options)
    : options_(options),
      directory_(OpenModelDir(directory)),
      pool_(options.threads),
      model_(directory_.config, directory_.weights, pool_,
             {.max_rows = options.max_rows,
              .max_positions = options.max_positions,
              .num_kv_blocks = options.num_blocks}),
      free_blocks_(static_cast<size_t>(options.num_blocks)) {
  std::iota(free_blocks_.begin(), free_blocks_.end(), 0);
  std::mt19937 random(options.shuffle);
  std::shuffle(free_blocks_.begin(), free_blocks_.end(), random);
}

void ModelRunner::Step(const std::vector<Sequence*>& sequences, const std::vector<int>& rows) {
  Batch batch;
  for (size_t i = 0; i < sequences.size(); ++i) {
    Sequence& s = *sequences[i];
    if (rows[i] == 0) continue;
    while (static_cast<int>(s.blocks.size()) * kKvBlockTokens < s.computed + rows[i]) {
      CHECK(!free_blocks_.empty()) << "the test's pool is dry";
      s.blocks.push_back(free_blocks_.back());
      free_blocks_.pop_back();
    }
    batch.sequences.push_back({static_cast<int>(batch.rows.size()), rows[i], s.blocks});
    for (int position = s.computed; position < s.computed + rows[i]; ++position) {
      batch.rows.push_back({s.tokens[static_cast<size_t>(position)], position, s.wanted.contains(position)});
    }
  }
  const std::span<const float> logits = model_.Forward(batch);
  const auto vocab = static_cast<size_t>(model_.vocab_size());
  size_t next = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    Sequence& s = *sequences[i];
    for (int position = s.computed; position < s.computed + rows[i]; ++position) {
      if (!s.wanted.contains(position)) continue;
      const auto row = logits.subspan(next++ * vocab, vocab);
      s.logits.emplace_back(row.begin(), row.end());
    }
    s.computed += rows[i];
  }
  CHECK(next * vocab == logits.size()) << next << " rows of logits, got " << logits.size() << " floats";
}

void ModelRunner::Finish(Sequence& sequence) {
  free_blocks_.insert(free_blocks_.end(), sequence.blocks.begin(), sequence.blocks.end());
  sequence.blocks.clear();
}

std::vector<ModelRunner::Logits> ModelRunner::LogitsAt(const std::vector<int32_t>& tokens,
                                                       const std::set<int>& wanted, int chunk) {
  Sequence sequence{.tokens = tokens, .computed = 0, .blocks = {}, .wanted = wanted, .logits = {}};
  while (sequence.remaining() > 0) Step({&sequence}, {std::min(chunk, sequence.remaining())});
  Finish(sequence);
  return sequence.logits;
}

std::vector<std::vector<int32_t>> GreedyTogether(ModelRunner& runner,
                                                 const std::vector<std::vector<int32_t>>& prompts,
                                                 const std::set<int32_t>& stops, size_t max_tokens,
                                                 int chunk) {
  std::vector<ModelRunner::Sequence> sequences(prompts.size());
  std::vector<std::vector<int32_t>> answers(prompts.size());
  std::vector<ModelRunner::Sequence*> all;
  for (size_t i = 0; i < prompts.size(); ++i) {
    sequences[i].tokens = prompts[i];
    sequences[i].wanted = {static_cast<int>(prompts[i].size()) - 1};
    all.push_back(&sequences[i]);
  }
  for (;;) {
    std::vector<int> rows;
    int left = runner.max_rows();
    for (const auto& s : sequences) {
      rows.push_back(std::min({chunk, s.remaining(), left}));
      left -= rows.back();
    }
    if (left == runner.max_rows()) return answers;
    runner.Step(all, rows);
    for (size_t i = 0; i < sequences.size(); ++i) {
      ModelRunner::Sequence& s = sequences[i];
      if (rows[i] == 0 || s.remaining() > 0) continue;
      const int32_t token = ArgMax(s.logits.back());
      answers[i].push_back(token);
      if (stops.contains(token) || answers[i].size() == max_tokens) {
        runner.Finish(s);
        continue;
      }
      s.tokens.push_back(token);
      s.wanted = {static_cast<int>(s.tokens.size()) - 1};
    }
  }
}

}  // namespace puna
