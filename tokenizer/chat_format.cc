#include "tokenizer/chat_format.h"

#include <string_view>

#include "engine/base/check.h"

namespace puna {
namespace {

// Python's str.strip, which Meta's code uses, for the blanks that occur in practice and the rest of ASCII's.
std::string_view Strip(std::string_view text) {
  constexpr std::string_view kBlank = " \t\n\v\f\r\x1C\x1D\x1E\x1F";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

class Encoder {
 public:
  explicit Encoder(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void Special(std::string_view name) {
    const auto id = tokenizer_.Special(name);
    CHECK(id.has_value()) << name;
    ids_.push_back(*id);
  }

  void Text(std::string_view text) {
    const std::vector<TokenId> ids = tokenizer_.Encode(text);
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }

  void Header(std::string_view role) {
    Special("<|start_header_id|>");
    Text(role);
    Special("<|end_header_id|>");
    Text("\n\n");
  }

  std::vector<TokenId> Take() { return std::move(ids_); }

 private:
  const Tokenizer& tokenizer_;
  std::vector<TokenId> ids_;
};

}  // namespace

std::vector<TokenId> EncodeLlama3Chat(const Tokenizer& tokenizer, std::span<const ChatMessage> messages) {
  Encoder encoder(tokenizer);
  encoder.Special("<|begin_of_text|>");
  for (const ChatMessage& message : messages) {
    encoder.Header(message.role);
    encoder.Text(Strip(message.content));
    encoder.Special("<|eot_id|>");
  }
  encoder.Header("assistant");
  return encoder.Take();
}

}  // namespace puna
