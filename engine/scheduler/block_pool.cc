#include "engine/scheduler/block_pool.h"

#include "engine/base/check.h"

namespace puna {

BlockPool::BlockPool(int num_blocks) : blocks_(static_cast<size_t>(num_blocks)) {
  // The lowest is taken first: memory is touched from its beginning.
  for (int32_t block = num_blocks - 1; block >= 0; --block) free_.push_back(block);
}

BlockPool::Taken BlockPool::Take() {
  CHECK(available() > 0) << "of " << total() << " blocks";
  Taken taken{};
  if (!free_.empty()) {
    taken = {free_.back(), false};
    free_.pop_back();
  } else {
    taken = {cached_.front(), true};
    cached_.pop_front();
    blocks_[static_cast<size_t>(taken.block)].is_cached = false;
  }
  blocks_[static_cast<size_t>(taken.block)].owners = 1;
  ++owned_;
  return taken;
}

void BlockPool::Share(int32_t block) {
  Block& b = blocks_.at(static_cast<size_t>(block));
  CHECK(b.owners > 0 || b.is_cached) << "block " << block << " is free";
  if (b.is_cached) {
    cached_.erase(b.place);
    b.is_cached = false;
    ++owned_;
  }
  ++b.owners;
}

void BlockPool::Release(int32_t block, bool keep) {
  Block& b = blocks_.at(static_cast<size_t>(block));
  CHECK(b.owners > 0) << "block " << block << " has no owner";
  if (--b.owners > 0) return;
  --owned_;
  if (keep) {
    b.place = cached_.insert(cached_.end(), block);
    b.is_cached = true;
  } else {
    free_.push_back(block);
  }
}

}  // namespace puna
