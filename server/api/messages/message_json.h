#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "server/api/token_json.h"
#include "server/api/tool_call_reader.h"
#include "server/generation.h"

namespace puna {

// What a message says of itself, whole or streamed.
struct MessageHead {
  std::string id;  // "msg_..."
  std::string model;
  std::string request_id;  // of the HTTP request
};

// Why a message ended, in Anthropic's words.
struct MessageEnd {
  std::string_view reason;    // "end_turn"; "" while it is being written
  std::string stop_sequence;  // with the reason "stop_sequence"
};

// `cut_to_context`: the limit of tokens was that of the context, as the request's is beyond it.
MessageEnd EndOfMessage(FinishReason finish, const std::string& stop, bool called, bool cut_to_context);

// The message object.
OrderedJson MessageJson(const MessageHead& head, OrderedJson content, const MessageEnd& end,
                        const Usage& usage);

// What the last events of a stream say: {"stop_reason", ...} and the sums.
OrderedJson MessageEndJson(const MessageEnd& end);
OrderedJson MessageEndUsageJson(const Usage& usage);

// Blocks of content. `input`: what the tool is called with.
OrderedJson TextBlockJson(std::string_view text);
OrderedJson ToolUseBlockJson(std::string_view name, OrderedJson input);

// All blocks of a message: its text, unless it is empty, then what it calls. The input of a call that was cut
// off is empty.
OrderedJson ContentJson(const ToolCallReader::Parts& parts);

}  // namespace puna
