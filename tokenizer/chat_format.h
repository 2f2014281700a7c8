#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "tokenizer/tokenizer.h"

namespace puna {

struct ChatMessage {
  std::string role;     // "system", "user", "assistant", "ipython"
  std::string content;  // ordinary text, whatever it looks like
};

// How the conversations a model was trained with are written.
enum class ChatFormat {
  kNone,    // a base model: it continues text and knows no conversation
  kLlama3,  // <|start_header_id|>role<|end_header_id|> ... <|eot_id|>
  kLlama2,  // [INST] <<SYS>> ... [/INST] ... </s>
};

// "none", "llama3", "llama2".
std::string_view Name(ChatFormat format);
std::optional<ChatFormat> ChatFormatByName(std::string_view name);

// A conversation that the format cannot express. what() is one sentence.
class ChatError : public Error {
 public:
  using Error::Error;
};

// The conversation as the tokens of a prompt, up to where the answer begins. Contents and roles never become
// special tokens.
//  - Llama 3: <|begin_of_text|>, then per message <|start_header_id|>role<|end_header_id|>\n\n content
//    (surrounding blanks trimmed, as Meta does) <|eot_id|>, then the header of the answer.
//  - Llama 2: per pair of question and answer <s>[INST] question [/INST] answer </s>; the system message
//    stands in the first question as <<SYS>>\n...\n<</SYS>>\n\n. Its marks are ordinary text, so a content
//    that holds one could speak for somebody else and is refused, as by Meta's code; roles must take turns.
// Throws ChatError; always for kNone, and for Llama 3 never. REQUIRES: the tokenizer has the format's special
// tokens (SupportsChatFormat).
std::vector<TokenId> EncodeChat(ChatFormat format, const Tokenizer& tokenizer,
                                std::span<const ChatMessage> messages);

// How many tokens at the end of EncodeChat open the answer rather than being part of a message.
size_t AnswerOpening(ChatFormat format, const Tokenizer& tokenizer);

// Whether the tokenizer can write it.
bool SupportsChatFormat(ChatFormat format, const Tokenizer& tokenizer);

}  // namespace puna
