#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "engine/engine.h"
#include "server/api/constraints.h"
#include "server/api/model_structure.h"
#include "server/api/unknown_fields.h"
#include "tokenizer/chat_format.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// What people want to know of a model; 0 where it is not known.
struct ModelDetails {
  int64_t parameters = 0;
  int64_t bytes = 0;         // of the weights
  int trained_context = 0;   // positions
  int embedding_length = 0;  // of a hidden state
};

// What the endpoints share: the model that is served, the engine that runs it, and the server's state. Made
// by the composition root, outlives the HTTP server; handlers use it from many threads.
struct ServedModel {
  Engine& engine;
  const Tokenizer& tokenizer;
  ChatFormat chat_format = ChatFormat::kLlama3;
  std::string id;                                // what requests call it
  int64_t created = 0;                           // seconds since 1970
  std::string fingerprint;                       // "fp_...", another one where answers could differ
  int max_context = 0;                           // positions, prompt and answer together
  int chat_max_tokens = 0;                       // for chats that set no limit; 0: the rest of the context
  std::chrono::milliseconds request_timeout{0};  // from arrival to the last token; 0: none
  ModelDetails details = {};
  ModelStructure structure = {};
  UnknownFields unknown_fields;
  // /health says draining, and so a balancer sends nothing new, but what comes is still taken.
  std::atomic<bool> leaving = false;
  std::atomic<bool> draining = false;  // new work is refused, too
  Constraints constraints{tokenizer};
};

}  // namespace puna
