#include "engine/scheduler/row_shares.h"

#include <algorithm>
#include <numeric>

namespace puna {

std::vector<int> ShareRows(std::span<const int> remaining, int rows,
                           const std::function<bool(size_t)>& takes) {
  std::vector<int> shares(remaining.size(), 0);
  if (remaining.empty() || rows <= 0) return shares;
  const auto give = [&](size_t prompt, int most) {
    const int given = std::min(most, remaining[prompt] - shares[prompt]);
    shares[prompt] += given;
    rows -= given;
  };
  const bool oldest_takes = takes(0);
  if (oldest_takes) give(0, rows - rows / 2);

  std::vector<size_t> others(remaining.size() - 1);
  std::iota(others.begin(), others.end(), size_t{1});
  std::ranges::stable_sort(others, {}, [&](size_t prompt) { return remaining[prompt]; });
  for (const size_t prompt : others) {
    if (rows == 0) break;
    if (takes(prompt)) give(prompt, rows);
  }

  if (oldest_takes) give(0, rows);
  return shares;
}

}  // namespace puna
