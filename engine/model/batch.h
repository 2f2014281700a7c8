#pragma once

#include <cstdint>
#include <vector>

namespace puna {

// One forward step: rows of any mix of sequences, prompt chunks and decodes alike.
//
// Rows of one sequence are consecutive, at ascending positions, and start where its KV cache ends. A plain
// struct: the scheduler fills it, the model reads it.
struct BatchRow {
  int32_t token;
  int32_t position;
  bool wants_logits;
  bool wants_hidden = false;  // the hidden state after the final norm; not with wants_logits
};

struct BatchSequence {
  int first_row;
  int n_rows;
  std::vector<int32_t> block_table;  // KV blocks in position order, covering the last row's position
};

// KV block `to` gets the content of block `from`, in all layers.
struct BlockCopy {
  int32_t from;
  int32_t to;
};

struct Batch {
  std::vector<BlockCopy> copies;  // done first, in this order
  std::vector<BatchRow> rows;
  std::vector<BatchSequence> sequences;

  bool empty() const { return rows.empty(); }
};

}  // namespace puna
