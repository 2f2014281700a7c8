#include "engine/scheduler/block_pool.h"

#include "engine/base/check.h"

namespace puna {

BlockPool::BlockPool(int num_blocks) {
  CHECK(num_blocks >= 1) << num_blocks << " blocks";
  const auto n = static_cast<size_t>(num_blocks);
  references_.assign(n, 0);
  kept_.assign(n, false);
  free_.reserve(n);
  for (int32_t block = num_blocks - 1; block >= 0; --block) free_.push_back(block);
}

size_t BlockPool::Index(int32_t block) const {
  CHECK(block >= 0 && block < num_blocks()) << "block " << block << " of " << num_blocks();
  return static_cast<size_t>(block);
}

std::optional<int32_t> BlockPool::Take() {
  if (free_.empty()) return std::nullopt;
  const int32_t block = free_.back();
  free_.pop_back();
  references_[Index(block)] = 1;
  ++num_owned_;
  return block;
}

void BlockPool::Share(int32_t block) {
  int& references = references_[Index(block)];
  if (references == 0) {
    CHECK(kept(block)) << "block " << block << " is free";
    --num_cached_;
    ++num_owned_;
  }
  ++references;
}

bool BlockPool::Drop(int32_t block) {
  int& references = references_[Index(block)];
  CHECK(references > 0) << "block " << block << " has no reference";
  if (--references > 0) return false;
  --num_owned_;
  if (kept(block)) {
    ++num_cached_;
  } else {
    free_.push_back(block);
  }
  return true;
}

void BlockPool::Keep(int32_t block) {
  CHECK(references(block) > 0 && !kept(block)) << "block " << block << ", kept " << kept(block);
  kept_[Index(block)] = true;
}

void BlockPool::Forget(int32_t block) {
  CHECK(kept(block)) << "block " << block;
  kept_[Index(block)] = false;
  if (references(block) > 0) return;
  --num_cached_;
  free_.push_back(block);
}

}  // namespace puna
