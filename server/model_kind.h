#pragma once

#include <memory>
#include <optional>
#include <string>

#include "loaders/model_dir.h"
#include "tokenizer/chat_format.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// The tokenizer that the directory's file is for. Throws Error for a malformed one, and if it has another
// number of tokens than the model.
std::unique_ptr<Tokenizer> LoadTokenizer(const ModelDir& dir);

// What was found out about a model, with reasons for people to read.
struct ModelKind {
  std::string tokenizer;  // "tiktoken (Llama 3), 128256 tokens, 256 of them special"
  ChatFormat chat_format = ChatFormat::kNone;
  std::string chat_reason;
};

// The chat format is `wanted` if there is one; else that of the tokenizer, unless the model is a base model.
// Meta's base and chat models differ in nothing but their weights and the names of their directories:
//  - a Llama 3 model whose embeddings of <|start_header_id|> and <|end_header_id|> were never trained is one;
//  - so is one that is named as Meta names them, "Llama-2-7b" or "Meta-Llama-3-8B", without Instruct or Chat.
// Throws Error if the tokenizer cannot write the format that is wanted.
ModelKind DetectModelKind(const ModelDir& dir, const Tokenizer& tokenizer, std::optional<ChatFormat> wanted);

// Whether Meta gives such a name to base models. Case does not count.
bool IsNameOfBaseModel(const std::string& name);

}  // namespace puna
