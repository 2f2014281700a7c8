#pragma once

#include <string>

#include "loaders/model_dir.h"

namespace puna {

// OpenAI's system_fingerprint: "fp_" and ten hex digits, another one where answers could have other bits. It
// covers this program's arithmetic, the model's parameters and tokenizer, and the name, type, shape and some
// bytes (both ends and the middle) of every tensor: enough to tell checkpoints apart without reading them.
// What cannot change an answer (threads, batch, instruction set) is not in it.
std::string SystemFingerprint(const ModelDir& model);

}  // namespace puna
