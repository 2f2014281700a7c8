#include "tests/engine/door/fake_model.h"

#include <algorithm>

namespace puna {

int32_t FakeModel::Following(std::span<const int32_t> tokens) {
  uint64_t hash = 17;
  for (const int32_t token : tokens) {
    hash = (hash ^ static_cast<uint64_t>(token)) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
  }
  return static_cast<int32_t>(hash % kVocabSize);
}

std::vector<int32_t> FakeModel::Answer(std::vector<int32_t> prompt, int max_tokens) {
  std::vector<int32_t> answer;
  for (int i = 0; i < max_tokens; ++i) {
    answer.push_back(Following(prompt));
    prompt.push_back(answer.back());
  }
  return answer;
}

std::span<const float> FakeModel::Forward(const Batch& batch) {
  PassGate();
  if (fail_.exchange(false)) throw std::runtime_error("the fake model\nwas told to fail");
  rows_ += static_cast<int64_t>(batch.rows.size());
  last_rows_ = static_cast<int>(batch.rows.size());
  logits_.clear();
  hidden_.clear();
  for (const BlockCopy& copy : batch.copies)
    std::copy_n(slots_.begin() + copy.from * block_tokens_, block_tokens_,
                slots_.begin() + copy.to * block_tokens_);
  for (const BatchSequence& sequence : batch.sequences) {
    std::vector<int32_t> history;
    for (int r = sequence.first_row; r < sequence.first_row + sequence.n_rows; ++r) {
      const BatchRow& row = batch.rows[static_cast<size_t>(r)];
      const auto slot = [&](int position) -> int32_t& {
        const int32_t block = sequence.block_table.at(static_cast<size_t>(position / block_tokens_));
        return slots_.at(static_cast<size_t>(block * block_tokens_ + position % block_tokens_));
      };
      slot(row.position) = row.token;
      if (!row.wants_logits && !row.wants_hidden) continue;
      history.clear();
      for (int position = 0; position <= row.position; ++position) history.push_back(slot(position));
      const auto first = static_cast<size_t>(Following(history));
      if (row.wants_hidden) {
        hidden_.insert(hidden_.end(), {static_cast<float>(row.position), static_cast<float>(first)});
        continue;
      }
      const size_t at = logits_.size();
      logits_.resize(at + kVocabSize, 0.0f);
      // The following token 3, the one after it 2, all others 0.
      logits_[at + first] = 3.0f;
      logits_[at + (first + 1) % kVocabSize] = 2.0f;
    }
  }
  return logits_;
}

void FakeModel::PassGate() {
  std::unique_lock lock(mu_);
  at_gate_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !gate_closed_ || may_pass_ > 0; });
  at_gate_ = false;
  if (gate_closed_) --may_pass_;
}

void FakeModel::CloseGate() {
  const std::lock_guard lock(mu_);
  gate_closed_ = true;
}

void FakeModel::Release(int steps) {
  const std::lock_guard lock(mu_);
  may_pass_ += steps;
  changed_.notify_all();
}

void FakeModel::OpenGate() {
  const std::lock_guard lock(mu_);
  gate_closed_ = false;
  changed_.notify_all();
}

void FakeModel::AwaitArrival() {
  std::unique_lock lock(mu_);
  changed_.wait(lock, [this] { return at_gate_ && may_pass_ == 0; });
}

}  // namespace puna
