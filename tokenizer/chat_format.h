#pragma once

#include <span>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace puna {

struct ChatMessage {
  std::string role;     // "system", "user", "assistant", "ipython"
  std::string content;  // ordinary text, whatever it looks like
};

// Llama 3's chat format as tokens: <|begin_of_text|>, then per message
// <|start_header_id|>role<|end_header_id|>\n\n content (surrounding blanks trimmed, as Meta does) <|eot_id|>,
// then the header of the assistant's answer. Only this function places special tokens; contents and roles are
// ordinary text.
std::vector<TokenId> EncodeLlama3Chat(const Tokenizer& tokenizer, std::span<const ChatMessage> messages);

}  // namespace puna
