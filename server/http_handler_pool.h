#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace puna {

// A bounded pool of threads that start as they are needed and stay. Jobs must not throw.
class HttpHandlerPool {
 public:
  // At most `max_threads` jobs run at once; at most `max_waiting` more wait.
  HttpHandlerPool(int max_threads, int max_waiting) : max_threads_(max_threads), max_waiting_(max_waiting) {}
  ~HttpHandlerPool() { Stop(); }

  // False if the job cannot be taken: all threads busy and no room to wait, or no thread can be started.
  bool Submit(std::function<void()> job);

  // Runs what has been taken, then joins.
  void Stop();

 private:
  void Run();

  const int max_threads_;
  const int max_waiting_;
  std::mutex mu_;
  std::condition_variable work_;
  std::deque<std::function<void()>> jobs_;  // guarded by mu_
  int idle_ = 0;                            // threads that wait for a job; guarded by mu_
  bool stopping_ = false;                   // guarded by mu_
  std::vector<std::thread> threads_;        // guarded by mu_ until stopping_
};

}  // namespace puna
