#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <stdexcept>
#include <vector>

#include "engine/model/language_model.h"

namespace puna {

// A model whose next token is a function of all tokens before it, read back from the KV blocks as a real one
// reads its keys and values. Wrong paging, sharing or recomputing changes the answers, or is caught as an
// unwritten slot.
class FakeModel final : public LanguageModel {
 public:
  static constexpr int kVocabSize = 61;

  FakeModel(int num_blocks, int block_tokens)
      : block_tokens_(block_tokens),
        slots_(static_cast<size_t>(num_blocks) * static_cast<size_t>(block_tokens), -1) {}

  // The token that follows `tokens`; `rank` 0 is the most probable one.
  static int32_t Following(std::span<const int32_t> tokens);
  // What a greedy request must answer.
  static std::vector<int32_t> Answer(std::vector<int32_t> prompt, int max_tokens);

  std::span<const float> Forward(const Batch& batch) override;
  std::span<const float> Hidden() const override { return hidden_; }
  int vocab_size() const override { return kVocabSize; }
  int hidden_size() const override { return 2; }

  // The next Forward throws.
  void FailOnce() { fail_ = true; }

  // Forward waits at a gate: Release(n) lets n more pass, Open lets all.
  void CloseGate();
  void Release(int steps);
  void OpenGate();
  // Until a Forward waits at the gate.
  void AwaitArrival();

  // Rows of all steps so far, and those of the last.
  int64_t rows() const { return rows_; }
  int last_rows() const { return last_rows_; }

 private:
  void PassGate();

  const int block_tokens_;
  std::vector<int32_t> slots_;  // the token whose KV lies there
  std::vector<float> logits_;
  std::vector<float> hidden_;  // of a row: its position and the token that follows
  std::atomic<bool> fail_{false};
  std::atomic<int64_t> rows_{0};
  std::atomic<int> last_rows_{0};

  std::mutex mu_;
  std::condition_variable changed_;
  bool gate_closed_ = false;  // guarded by mu_
  int may_pass_ = 0;          // guarded by mu_
  bool at_gate_ = false;      // guarded by mu_
};

}  // namespace puna
