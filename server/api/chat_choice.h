#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/answer_options.h"
#include "server/api/answer_writer.h"
#include "server/api/tool_call_reader.h"

namespace puna {

// Choices of a chat: messages and their deltas. With `calls` an answer may be calls of tools.
class ChatChoice final : public ChoiceFormat {
 public:
  ChatChoice(const Tokenizer& tokenizer, const AnswerOptions& options, bool calls);

  std::string_view object() const override { return "chat.completion"; }
  std::string_view chunk_object() const override { return "chat.completion.chunk"; }
  OrderedJson Opening(int index) const override;
  std::vector<OrderedJson> Pieces(const AnswerEvent& event) override;
  OrderedJson End(int index, std::string_view reason) override;
  OrderedJson Whole(int index, const FinishedAnswer& answer, std::string_view reason) override;

 private:
  // Of one choice that is being streamed.
  struct Stream {
    ToolCallReader reader;
    std::vector<AnswerToken> tokens;  // of text that is held back
  };

  std::vector<OrderedJson> CallPieces(const AnswerEvent& event);
  void AddTokens(std::span<const AnswerToken> tokens, OrderedJson& choice) const;

  const Tokenizer& tokenizer_;
  const bool logprobs_;
  const bool top_;
  const bool token_ids_;
  const bool calls_;
  std::map<int, Stream> streams_;  // with calls
};

}  // namespace puna
