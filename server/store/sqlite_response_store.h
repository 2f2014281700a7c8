#pragma once

#include <filesystem>
#include <mutex>
#include <string>

#include "server/store/response_store.h"
#include "server/store/sqlite.h"

namespace puna {

// Responses in a file that outlives the process and that several servers may share. The texts of deleted ones
// are overwritten.
class SqliteResponseStore final : public ResponseStore {
 public:
  // The file is made if it is not there. Throws Error if it is not a store of ours, or damaged.
  explicit SqliteResponseStore(const std::filesystem::path& path, StoreLimits limits = {});

  void Put(const StoredResponse& response) override;
  std::optional<StoredResponse> Get(const std::string& owner, const std::string& id) override;
  std::optional<StoredItem> Item(const std::string& owner, const std::string& id) override;
  bool Delete(const std::string& owner, const std::string& id) override;

 private:
  void CheckOrMakeSchema();
  void PutItems(int64_t number, const std::string& owner, const std::vector<StoredItem>& items, bool output);
  void AddToTotals(int64_t responses, int64_t bytes);
  void ForgetOldest();

  const StoreLimits limits_;
  std::mutex mu_;
  SqliteDatabase database_;  // guarded by mu_
};

}  // namespace puna
