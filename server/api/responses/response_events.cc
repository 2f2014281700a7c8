#include "server/api/responses/response_events.h"

#include "server/sse.h"

namespace puna {
namespace {

constexpr size_t kMostUnsent = 16 << 10;

}  // namespace

void ResponseEvents::Add(std::string_view type, const OrderedJson& members) {
  OrderedJson event = {{"type", type}, {"sequence_number", next_number_++}};
  event.update(members);
  unsent_ += SseEvent(type, event.dump());
}

bool ResponseEvents::full() const { return unsent_.size() >= kMostUnsent; }

bool ResponseEvents::Flush() {
  const bool sent = unsent_.empty() || out_.Write(unsent_);
  unsent_.clear();
  return sent;
}

}  // namespace puna
