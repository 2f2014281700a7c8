#include "server/store/memory_response_store.h"

#include <algorithm>
#include <iterator>

#include "engine/base/check.h"

namespace puna {

void MemoryResponseStore::Put(const StoredResponse& response) {
  const std::lock_guard lock(mu_);
  responses_.push_back(response);
  const auto put = std::prev(responses_.end());
  const bool is_new = by_id_.emplace(OwnedId(put->owner, put->id), put).second;
  CHECK(is_new) << put->id;
  for (const auto* items : {&put->input, &put->output})
    for (const StoredItem& item : *items) by_item_.emplace(OwnedId(put->owner, item.id), &item);
  bytes_ += StoredBytes(*put);
  while (bytes_ > limits_.bytes || static_cast<int64_t>(responses_.size()) > limits_.responses)
    Forget(responses_.begin());
}

std::optional<StoredResponse> MemoryResponseStore::Get(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mu_);
  const auto found = by_id_.find({owner, id});
  return found == by_id_.end() ? std::nullopt : std::optional(*found->second);
}

std::optional<StoredItem> MemoryResponseStore::Item(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mu_);
  const auto found = by_item_.find({owner, id});
  return found == by_item_.end() ? std::nullopt : std::optional(*found->second);
}

bool MemoryResponseStore::Delete(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mu_);
  const auto found = by_id_.find({owner, id});
  if (found == by_id_.end()) return false;
  Forget(found->second);
  return true;
}

void MemoryResponseStore::Forget(Responses::iterator response) {
  bytes_ -= StoredBytes(*response);
  by_id_.erase({response->owner, response->id});
  for (const auto* items : {&response->input, &response->output}) {
    for (const StoredItem& item : *items) {
      const auto [begin, end] = by_item_.equal_range({response->owner, item.id});
      const auto of_it = std::find_if(begin, end, [&](const auto& entry) { return entry.second == &item; });
      if (of_it != end) by_item_.erase(of_it);
    }
  }
  responses_.erase(response);
}

}  // namespace puna
