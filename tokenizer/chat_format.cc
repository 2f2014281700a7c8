#include "tokenizer/chat_format.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "engine/base/check.h"

namespace puna {
namespace {

constexpr std::array<std::pair<ChatFormat, std::string_view>, 3> kNames{
    {{ChatFormat::kNone, "none"}, {ChatFormat::kLlama3, "llama3"}, {ChatFormat::kLlama2, "llama2"}}};

constexpr std::array<std::string_view, 4> kLlama2Marks{"[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"};

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

std::vector<TokenId> EncodeLlama3(const Tokenizer& tokenizer, std::span<const ChatMessage> messages) {
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

void RefuseLlama2Marks(std::span<const ChatMessage> messages) {
  for (const ChatMessage& message : messages) {
    for (const std::string_view mark : kLlama2Marks) {
      if (message.content.find(mark) == std::string::npos) continue;
      throw ChatError(fmt::format(
          "Messages of this model must not hold '{}', with which its chat format (Llama 2) marks who speaks.",
          mark));
    }
  }
}

std::vector<TokenId> EncodeLlama2(const Tokenizer& tokenizer, std::span<const ChatMessage> messages) {
  RefuseLlama2Marks(messages);
  std::string system;
  if (!messages.empty() && messages.front().role == "system") {
    system = "<<SYS>>\n" + messages.front().content + "\n<</SYS>>\n\n";
    messages = messages.subspan(1);
  }
  if (messages.size() % 2 == 0) {
    throw ChatError(
        "This model's chat format (Llama 2) needs the messages to end with one of the role 'user'; the roles "
        "'user' and 'assistant' take turns.");
  }
  Encoder encoder(tokenizer);
  for (size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& message = messages[i];
    const std::string_view expected = i % 2 == 0 ? "user" : "assistant";
    if (message.role != expected) {
      throw ChatError(
          fmt::format("This model's chat format (Llama 2) needs messages of 'user' and 'assistant' in turns, "
                      "after at most "
                      "one of 'system': expected '{}', found '{}'.",
                      expected, Printable(message.role, 40)));
    }
    if (i % 2 != 0) continue;
    const std::string question = std::exchange(system, "") + message.content;
    std::string text = fmt::format("[INST] {} [/INST]", Strip(question));
    const bool answered = i + 1 < messages.size();
    if (answered) text += fmt::format(" {} ", Strip(messages[i + 1].content));
    encoder.Special("<s>");
    encoder.Text(text);
    if (answered) encoder.Special("</s>");
  }
  return encoder.Take();
}

}  // namespace

std::string_view Name(ChatFormat format) {
  for (const auto& [known, name] : kNames) {
    if (known == format) return name;
  }
  CHECK(false) << static_cast<int>(format);
  return {};
}

std::optional<ChatFormat> ChatFormatByName(std::string_view name) {
  for (const auto& [format, known] : kNames) {
    if (known == name) return format;
  }
  return std::nullopt;
}

std::vector<TokenId> EncodeChat(ChatFormat format, const Tokenizer& tokenizer,
                                std::span<const ChatMessage> messages) {
  switch (format) {
    case ChatFormat::kLlama3:
      return EncodeLlama3(tokenizer, messages);
    case ChatFormat::kLlama2:
      return EncodeLlama2(tokenizer, messages);
    case ChatFormat::kNone:
      break;
  }
  throw ChatError(
      "This is a base model: it continues text and was not trained for chats. Use completions, or start the "
      "server with --chat-format.");
}

size_t AnswerOpening(ChatFormat format, const Tokenizer& tokenizer) {
  // What a chat of no messages has after its BOS.
  return format == ChatFormat::kLlama3 ? EncodeLlama3(tokenizer, {}).size() - 1 : 0;
}

bool SupportsChatFormat(ChatFormat format, const Tokenizer& tokenizer) {
  const auto has = [&](std::string_view name) { return tokenizer.Special(name).has_value(); };
  switch (format) {
    case ChatFormat::kLlama3:
      return has("<|begin_of_text|>") && has("<|start_header_id|>") && has("<|end_header_id|>") &&
             has("<|eot_id|>");
    case ChatFormat::kLlama2:
      return has("<s>") && has("</s>");
    case ChatFormat::kNone:
      break;
  }
  return true;
}

}  // namespace puna
