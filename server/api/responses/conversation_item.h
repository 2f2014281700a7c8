#pragma once

#include <span>
#include <string>
#include <vector>

#include "server/api/json_body.h"
#include "server/api/token_json.h"
#include "server/store/response_store.h"
#include "tokenizer/chat_format.h"

namespace puna {

// One item of a conversation: a message, a call of a function, or what one gave back.
struct ConversationItem {
  enum class Kind { kMessage, kCall, kOutput, kReference };

  Kind kind;
  std::string id;
  OrderedJson json;     // as it is listed and stored
  ChatMessage message;  // as the model sees it
  // kReference, which stands for an item of a stored response: where the request has its id.
  std::string path;
};

// The member "input" of a request: a string, which is a message of the user, or items. Items without an id
// get one. Throws RequestError 400.
std::vector<ConversationItem> ReadInput(JsonReader& body);

// REQUIRES: it was stored by us; else throws Error.
ConversationItem ReadStoredItem(const StoredItem& stored);

// Gives a new id to each item whose id another one before it has.
void MakeIdsDiffer(std::vector<ConversationItem>& items);

// The items as messages. What one answer said and called is one message.
std::vector<ChatMessage> MessagesOf(std::span<const ConversationItem> items);

}  // namespace puna
