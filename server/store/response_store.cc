#include "server/store/response_store.h"

namespace puna {

int64_t StoredBytes(const StoredResponse& response) {
  // About what tables and strings take beside the text.
  constexpr size_t kOfEach = 200;
  size_t bytes = response.id.size() + response.owner.size() + response.json.size() + kOfEach;
  for (const auto* items : {&response.input, &response.output})
    for (const StoredItem& item : *items) bytes += item.id.size() + item.json.size() + kOfEach;
  return static_cast<int64_t>(bytes);
}

}  // namespace puna
