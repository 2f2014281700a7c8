#include "server/sse.h"

namespace puna {

std::string SseData(std::string_view json) {
  std::string event("data: ");
  event.append(json).append("\n\n");
  return event;
}

std::string SseEvent(std::string_view event, std::string_view json) {
  std::string text("event: ");
  text.append(event).append("\n").append(SseData(json));
  return text;
}

}  // namespace puna
