#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "engine/engine.h"
#include "server/api/unknown_fields.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// What the endpoints share: the model that is served, the engine that runs it, and the server's state. Made
// by the composition root, outlives the HTTP server; handlers use it from many threads.
struct ServedModel {
  Engine& engine;
  const Tokenizer& tokenizer;
  std::string id;                                // what requests call it
  int64_t created = 0;                           // seconds since 1970
  std::string fingerprint;                       // "fp_...", another one where answers could differ
  int max_context = 0;                           // positions, prompt and answer together
  int chat_max_tokens = 0;                       // for chats that set no limit; 0: the rest of the context
  std::chrono::milliseconds request_timeout{0};  // from arrival to the last token; 0: none
  UnknownFields unknown_fields;
  std::atomic<bool> draining = false;  // set when the shutdown begins
};

}  // namespace puna
