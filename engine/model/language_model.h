#pragma once

#include <cstddef>
#include <span>

#include "engine/model/batch.h"

namespace puna {

// What the engine asks of a model; Llama is the real one, tests have fakes. One thread calls it.
class LanguageModel {
 public:
  virtual ~LanguageModel() = default;

  // Computes all rows, writes their keys and values to their KV blocks, and returns the logits of the rows
  // that want them, in row order: [rows with wants_logits, vocab_size]. The span is valid until the next
  // call. REQUIRES: 1 <= batch.rows.size() <= the model's max_rows.
  virtual std::span<const float> Forward(const Batch& batch) = 0;

  // The hidden states after the final norm of the last Forward's rows that want them, in row order: [rows
  // with wants_hidden, hidden_size]. Valid until the next Forward.
  virtual std::span<const float> Hidden() const = 0;

  virtual int vocab_size() const = 0;
  virtual int hidden_size() const = 0;
};

}  // namespace puna
