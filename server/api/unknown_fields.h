#pragma once

#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace puna {

// Members of requests that OpenAI's API does not have. They are accepted, as OpenAI's clients let users add
// any, and each name is logged once. Thread-safe.
class UnknownFields {
 public:
  // Returns the names that were new and have been logged.
  std::vector<std::string> Report(const std::vector<std::string>& names);

 private:
  std::mutex mu_;
  std::set<std::string> seen_;  // guarded by mu_
};

}  // namespace puna
