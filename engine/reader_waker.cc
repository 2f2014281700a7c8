#include "engine/reader_waker.h"

#include <algorithm>
#include <iterator>

namespace puna {

ReaderWaker::ReaderWaker(std::chrono::milliseconds rest) : rest_(rest), thread_([this] { Run(); }) {}

ReaderWaker::~ReaderWaker() {
  WakeNoted();
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void ReaderWaker::Note(const std::shared_ptr<RequestOutput>& output, bool at_once) {
  noted_.push_back(output);
  noted_at_once_ |= at_once;
}

void ReaderWaker::WakeNoted() {
  if (noted_.empty()) return;
  bool looks_by_itself = false;
  {
    const std::lock_guard lock(mu_);
    std::move(noted_.begin(), noted_.end(), std::back_inserter(handed_over_));
    at_once_ |= noted_at_once_;
    looks_by_itself = resting_ && !at_once_;
  }
  if (!looks_by_itself) changed_.notify_one();
  noted_.clear();
  noted_at_once_ = false;
}

void ReaderWaker::Run() {
  Outputs outputs;
  std::unique_lock lock(mu_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !handed_over_.empty(); });
    if (handed_over_.empty()) return;
    outputs.swap(handed_over_);
    at_once_ = false;
    resting_ = true;
    lock.unlock();
    // A reader of several steps is woken once.
    std::ranges::sort(outputs);
    outputs.erase(std::unique(outputs.begin(), outputs.end()), outputs.end());
    for (const auto& output : outputs) output->WakeReader();
    outputs.clear();
    lock.lock();
    changed_.wait_for(lock, rest_, [this] { return stopping_ || at_once_; });
    resting_ = false;
  }
}

}  // namespace puna
