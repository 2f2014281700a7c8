#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "server/bench/machine_limits.h"

namespace puna {

// One line of the table: so many tokens, computed again and again.
struct BenchRow {
  enum class Kind { kPrompt, kAnswer };
  Kind kind = Kind::kPrompt;
  int tokens = 0;  // of the prompt, or of each answer
  int batch = 1;   // sequences together
  int depth = 0;   // positions before

  struct Repetition {
    double seconds = 0;
    StepCost cost;
    MachineLimits limits;  // as measured before and after it
  };
  std::vector<Repetition> repetitions;

  std::string Name() const;  // "prompt 512", "answer 128"
};

// Of a row's repetitions; not empty.
struct BenchFigures {
  double tokens_per_second = 0;  // the median, and the slowest and the fastest repetition
  double slowest = 0;
  double fastest = 0;
  double weights_gb_per_second = 0;  // medians
  double gflops = 0;
  double share_of_limit = 0;  // the shortest possible time over the time it took
  bool memory_bound = false;  // the limit is the reading, not the multiply-adds
};
BenchFigures Figures(const BenchRow& row);

// What depth costs: seconds beyond those of the same answers at depth 0, over the time that reading the keys
// and values takes at full bandwidth. `shallow` has depth 0 and the same batch and tokens.
double DepthCost(const BenchRow& row, const BenchRow& shallow);

// What was measured on what.
struct BenchSubject {
  std::string model;
  int64_t parameters = 0;
  int64_t weight_bytes = 0;
  int threads = 0;
  std::string instruction_set;
};

void PrintSubject(std::ostream& out, const BenchSubject& subject);
void PrintHeader(std::ostream& out);
// `all`: the rows before it, among which a row with depth finds its counterpart at depth 0.
void PrintRow(std::ostream& out, const BenchRow& row, const std::vector<BenchRow>& all);
void PrintLimits(std::ostream& out, const std::vector<BenchRow>& all);
void PrintJson(std::ostream& out, const BenchSubject& subject, const std::vector<BenchRow>& all);

}  // namespace puna
