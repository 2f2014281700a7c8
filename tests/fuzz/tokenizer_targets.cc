#include <array>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/error.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tokenizer/chat_format.h"
#include "tokenizer/tokenizer.h"

namespace puna::fuzz {
namespace {

using Bytes = std::span<const std::byte>;

std::string_view TextOf(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Whatever the file says its tokens are, ids are in range, text becomes no special token and comes back.
void CheckTokenizer(const Tokenizer& tokenizer, bool text_comes_back) {
  constexpr std::string_view kText = "The  quick brown fox\n\t jumps, 1234 <s></s> \xF0\x9F\x97\xBD \xFF\xC3";
  const std::vector<TokenId> ids = tokenizer.Encode(kText);
  for (const TokenId id : ids)
    CHECK(id >= 0 && id < tokenizer.vocab_size() && !tokenizer.IsSpecial(id)) << id;
  if (text_comes_back) CHECK(tokenizer.Decode(ids) == kText);
  for (const TokenId stop : tokenizer.stop_tokens()) CHECK(tokenizer.IsSpecial(stop)) << stop;
  CHECK(tokenizer.IsSpecial(tokenizer.bos()));
  for (const ChatFormat format : {ChatFormat::kLlama2, ChatFormat::kLlama3}) {
    if (!SupportsChatFormat(format, tokenizer)) continue;
    const std::vector<ChatMessage> messages = {{"user", std::string(kText)}};
    for (const TokenId id : EncodeChat(format, tokenizer, messages))
      CHECK(id >= 0 && id < tokenizer.vocab_size());
  }
}

void Tiktoken(Bytes input) {
  std::unique_ptr<Tokenizer> tokenizer;
  try {
    tokenizer = Tokenizer::FromTiktoken(TextOf(input), "file");
  } catch (const Error&) {
    return;
  }
  CheckTokenizer(*tokenizer, true);
}

void SentencePiece(Bytes input) {
  std::unique_ptr<Tokenizer> tokenizer;
  try {
    tokenizer = Tokenizer::FromSentencePiece(TextOf(input), "file");
  } catch (const Error&) {
    return;
  }
  // Spaces come back only if they have a piece.
  const std::vector<TokenId> space = tokenizer->Encode("a a");
  CheckTokenizer(*tokenizer, tokenizer->Decode(space) == "a a");
}

constexpr std::array<Target, 2> kTargets{{{"tiktoken", Tiktoken}, {"sentencepiece", SentencePiece}}};

}  // namespace

std::span<const Target> TokenizerTargets() { return kTargets; }

}  // namespace puna::fuzz
