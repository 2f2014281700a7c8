#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace puna {

// A first-in first-out queue between threads: any number of writers and readers. Writers never wait: a full
// queue refuses. Close() lets readers take what is left and then tells them that nothing follows.
template <typename T>
class BlockingQueue {
 public:
  static constexpr size_t kUnbounded = static_cast<size_t>(-1);

  explicit BlockingQueue(size_t capacity = kUnbounded) : capacity_(capacity) {}
  BlockingQueue(const BlockingQueue&) = delete;
  BlockingQueue& operator=(const BlockingQueue&) = delete;

  // False, and `item` is dropped, if the queue is full or closed.
  bool TryPush(T item) {
    if (!TryPushQuietly(std::move(item))) return false;
    WakeOne();
    return true;
  }

  // The same, but no reader that waits is woken before somebody calls WakeOne.
  bool TryPushQuietly(T item) {
    const std::lock_guard lock(mu_);
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
    return true;
  }

  void WakeOne() { changed_.notify_one(); }

  // Waits for an item; nothing once the queue is closed and empty.
  std::optional<T> Pop() {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [this] { return closed_ || !items_.empty(); });
    return TakeFirst();
  }

  // The same, but waits at most until `deadline`: nothing when it passes.
  std::optional<T> PopUntil(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mu_);
    changed_.wait_until(lock, deadline, [this] { return closed_ || !items_.empty(); });
    return TakeFirst();
  }

  // Never waits.
  std::optional<T> TryPop() {
    const std::lock_guard lock(mu_);
    return TakeFirst();
  }

  void Close() {
    {
      const std::lock_guard lock(mu_);
      closed_ = true;
    }
    changed_.notify_all();
  }

  bool closed() const {
    const std::lock_guard lock(mu_);
    return closed_;
  }

 private:
  // REQUIRES: mu_ is held.
  std::optional<T> TakeFirst() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> first(std::move(items_.front()));
    items_.pop_front();
    return first;
  }

  const size_t capacity_;
  mutable std::mutex mu_;
  std::condition_variable changed_;
  std::deque<T> items_;  // guarded by mu_
  bool closed_ = false;  // guarded by mu_
};

}  // namespace puna
