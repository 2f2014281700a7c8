#pragma once

#include <string>
#include <string_view>

namespace puna {

// Server-sent events as OpenAI sends them.
std::string SseData(std::string_view json);                           // "data: <json>\n\n"
std::string SseEvent(std::string_view event, std::string_view json);  // "event: <event>\ndata: <json>\n\n"
inline constexpr std::string_view kSseDone = "data: [DONE]\n\n";

}  // namespace puna
