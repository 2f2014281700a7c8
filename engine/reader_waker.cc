#include "engine/reader_waker.h"

#include <iterator>

namespace puna {

ReaderWaker::ReaderWaker() : thread_([this] { Run(); }) {}

ReaderWaker::~ReaderWaker() {
  WakeNoted();
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void ReaderWaker::Note(const std::shared_ptr<RequestOutput>& output) {
  if (noted_.empty() || noted_.back() != output) noted_.push_back(output);
}

void ReaderWaker::WakeNoted() {
  if (noted_.size() == 1) {
    noted_.front()->WakeReader();
  } else if (!noted_.empty()) {
    {
      const std::lock_guard lock(mu_);
      std::move(noted_.begin(), noted_.end(), std::back_inserter(handed_over_));
    }
    changed_.notify_one();
  }
  noted_.clear();
}

void ReaderWaker::Run() {
  Outputs outputs;
  while (true) {
    {
      std::unique_lock lock(mu_);
      changed_.wait(lock, [this] { return stopping_ || !handed_over_.empty(); });
      if (handed_over_.empty()) return;
      outputs.swap(handed_over_);
    }
    for (const auto& output : outputs) output->WakeReader();
    outputs.clear();
  }
}

}  // namespace puna
