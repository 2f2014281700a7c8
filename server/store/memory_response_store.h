#pragma once

#include <list>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "server/store/response_store.h"

namespace puna {

// Responses in this process: gone with it.
class MemoryResponseStore final : public ResponseStore {
 public:
  explicit MemoryResponseStore(StoreLimits limits = {}) : limits_(limits) {}

  void Put(const StoredResponse& response) override;
  std::optional<StoredResponse> Get(const std::string& owner, const std::string& id) override;
  std::optional<StoredItem> Item(const std::string& owner, const std::string& id) override;
  bool Delete(const std::string& owner, const std::string& id) override;

 private:
  using Responses = std::list<StoredResponse>;
  using OwnedId = std::pair<std::string, std::string>;  // owner, id

  void Forget(Responses::iterator response);

  const StoreLimits limits_;
  std::mutex mu_;
  Responses responses_;                                // guarded by mu_; the oldest first
  std::map<OwnedId, Responses::iterator> by_id_;       // guarded by mu_
  std::multimap<OwnedId, const StoredItem*> by_item_;  // guarded by mu_; one for each response it is in
  int64_t bytes_ = 0;                                  // guarded by mu_
};

}  // namespace puna
