#pragma once

#include <functional>
#include <span>
#include <vector>

namespace puna {

// Shares a step's rows among prompts that still have `remaining[i]` tokens to compute, oldest prompt first.
//
//   1. Half of the rows, rounded up, are the oldest prompt's: it ends after a bounded number of steps.
//   2. What it leaves goes to the others, shortest remaining first (of equals the older): a huge prompt makes
//   no
//      small one wait, and most prompts are answered soonest.
//   3. What they leave is the oldest prompt's again.
//
// `takes(i)` is asked once for each prompt right before it would get its first rows; false: it gets none.
//
// Returns rows per prompt: at most remaining[i] each, at most `rows` in sum.
std::vector<int> ShareRows(std::span<const int> remaining, int rows,
                           const std::function<bool(size_t)>& takes);

}  // namespace puna
