#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace puna {

// An item of a conversation as it is listed: JSON.
struct StoredItem {
  std::string id;
  std::string json;
};

// A response that may be asked for again, or gone on from. It holds all of its conversation, so that nothing
// else has to be there still.
struct StoredResponse {
  std::string id;
  std::string owner;              // who may see it: see ResponseOwner
  std::string json;               // as it was answered
  std::vector<StoredItem> input;  // what it answers, with all earlier turns; ids differ
  std::vector<StoredItem> output;
};

// How much is kept. Beyond that the oldest are forgotten.
struct StoreLimits {
  int64_t responses = 10'000;
  int64_t bytes = 64 << 20;  // of what their JSON takes, and a little for each
};

// Where responses are kept. Thread-safe. What is another owner's is not there. Throws Error if the medium
// fails.
class ResponseStore {
 public:
  virtual ~ResponseStore() = default;
  // REQUIRES: no response has this id yet.
  virtual void Put(const StoredResponse& response) = 0;
  virtual std::optional<StoredResponse> Get(const std::string& owner, const std::string& id) = 0;
  // An item of any response.
  virtual std::optional<StoredItem> Item(const std::string& owner, const std::string& id) = 0;
  // False if it is not there.
  virtual bool Delete(const std::string& owner, const std::string& id) = 0;
};

// What a response counts towards StoreLimits::bytes.
int64_t StoredBytes(const StoredResponse& response);

}  // namespace puna
