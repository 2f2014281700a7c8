#include "server/http_handler_pool.h"

#include <system_error>

namespace puna {

bool HttpHandlerPool::Submit(std::function<void()> job) {
  std::lock_guard lock(mu_);
  if (stopping_) return false;
  const int waiting = static_cast<int>(jobs_.size());
  const int running = static_cast<int>(threads_.size());
  if (waiting >= idle_ && running < max_threads_) {
    try {
      threads_.emplace_back([this] { Run(); });
      ++idle_;  // it will take a job as soon as it runs
    } catch (const std::system_error&) {
      if (running == 0) return false;
    }
  }
  if (waiting >= idle_ + max_waiting_) return false;
  jobs_.push_back(std::move(job));
  work_.notify_one();
  return true;
}

void HttpHandlerPool::Run() {
  std::unique_lock lock(mu_);
  while (true) {
    work_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    --idle_;
    lock.unlock();
    job();
    lock.lock();
    ++idle_;
  }
}

void HttpHandlerPool::Stop() {
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace puna
