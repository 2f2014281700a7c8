#include "server/api/messages/message_content.h"

#include <fmt/format.h>

#include <utility>

#include "engine/grammar/json_value.h"
#include "server/api/tools.h"

namespace puna {
namespace {

// Blocks of text are texts of their own.
constexpr std::string_view kBetweenBlocks = "\n";

void AppendBlock(const std::string& block, std::string& text) {
  if (!text.empty() && !block.empty()) text += kBetweenBlocks;
  text += block;
}

[[noreturn]] void RefuseBlock(const JsonReader& block, std::string_view type) {
  RefuseValue(
      block.Path("type"),
      fmt::format("blocks of type '{}' are not supported: this model reads text only.", Printable(type, 40)));
}

// A string, or blocks of text.
std::string ReadText(const std::string& path, const Json& content) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) RefuseType(path, "a string or an array of blocks", content);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    JsonReader block(content[i], fmt::format("{}[{}]", path, i));
    const std::string& type = block.RequireString("type");
    if (type != "text") RefuseBlock(block, type);
    AppendBlock(block.RequireString("text"), text);
  }
  return text;
}

// As Llama's documented examples write JSON: with a blank after each colon and comma.
std::string Spaced(const JsonValue& value) {
  const bool object = value.is(JsonValue::Type::kObject);
  if (object ? value.members.empty() : value.items.empty()) return value.Dump();
  std::string out;
  const auto add = [&out](const std::string& part) { out += (out.empty() ? "" : ", ") + part; };
  for (const JsonValue& item : value.items) add(Spaced(item));
  for (const auto& [name, member] : value.members) add(JsonQuoted(name) + ": " + Spaced(member));
  return (object ? "{" : "[") + out + (object ? "}" : "]");
}

class ConversationReader {
 public:
  explicit ConversationReader(std::string_view body) : body_(body) {}

  void System(const Json& system) { Add("system", ReadText("system", system)); }

  void Message(size_t index, const Json& json) {
    JsonReader message(json, fmt::format("messages[{}]", index));
    message.Require("role");
    const std::string role = *message.Enum("role", {"user", "assistant", "system"});
    const Json& content = message.Require("content");
    const std::string path = message.Path("content");
    if (role == "assistant") called_last_ = false;
    if (content.is_string() || role == "system") return Add(role, ReadText(path, content));
    if (!content.is_array()) RefuseType(path, "a string or an array of blocks", content);
    if (role == "user") {
      User(path, content);
    } else {
      Assistant(path, content, index);
    }
  }

  Conversation Take() {
    Conversation read;
    if (messages_.back().role == "assistant") {
      if (called_last_) RefuseValue("messages", "the results of the last message's calls are missing.");
      read.prefill = std::move(messages_.back().content);
      messages_.pop_back();
    }
    read.messages = std::move(messages_);
    return read;
  }

 private:
  void Add(const std::string& role, const std::string& text) {
    if (!messages_.empty() && messages_.back().role == role && role != "ipython") {
      AppendBlock(text, messages_.back().content);
    } else {
      messages_.push_back({role, text});
    }
  }

  void User(const std::string& path, const Json& content) {
    if (content.empty()) Add("user", "");
    for (size_t i = 0; i < content.size(); ++i) {
      JsonReader block(content[i], fmt::format("{}[{}]", path, i));
      const std::string& type = block.RequireString("type");
      if (type == "text") {
        Add("user", block.RequireString("text"));
      } else if (type == "tool_result") {
        Add("ipython", ReadResult(block));
      } else {
        RefuseBlock(block, type);
      }
    }
  }

  static std::string ReadResult(JsonReader& block) {
    block.RequireString("tool_use_id");
    const Json* content = block.Find("content");
    const std::string text = content == nullptr ? "" : ReadText(block.Path("content"), *content);
    return block.Bool("is_error").value_or(false) ? "Error: " + text : text;
  }

  void Assistant(const std::string& path, const Json& content, size_t index) {
    std::string text;
    std::string calls;
    for (size_t i = 0; i < content.size(); ++i) {
      JsonReader block(content[i], fmt::format("{}[{}]", path, i));
      const std::string& type = block.RequireString("type");
      if (type == "text") {
        AppendBlock(block.RequireString("text"), text);
      } else if (type == "tool_use") {
        block.RequireString("id");
        const Json& input = block.Require("input");
        if (!input.is_object()) RefuseType(block.Path("input"), "an object", input);
        calls += calls.empty() ? "" : "; ";
        calls += CallText(block.RequireString("name"), Spaced(InputInOrder(index, i)));
      } else if (type != "thinking" && type != "redacted_thinking") {
        RefuseBlock(block, type);
      }
    }
    called_last_ = !calls.empty();
    AppendBlock(calls, text);
    Add("assistant", text);
  }

  // The members of the input in the order in which the model wrote them. REQUIRES: it is there.
  const JsonValue& InputInOrder(size_t message, size_t block) {
    if (!in_order_.is(JsonValue::Type::kObject)) in_order_ = ParseJson(body_);
    const JsonValue& content = *in_order_.Find("messages")->items[message].Find("content");
    return *content.items[block].Find("input");
  }

  const std::string_view body_;
  JsonValue in_order_;  // the body, once it is needed
  std::vector<ChatMessage> messages_;
  bool called_last_ = false;  // the last message of the assistant
};

}  // namespace

Conversation ReadConversation(JsonReader& body, std::string_view text) {
  ConversationReader reader(text);
  if (const Json* system = body.Find("system")) reader.System(*system);
  body.Require("messages");
  const Json& messages = *body.Array("messages", "objects");
  if (messages.empty()) RefuseValue("messages", "there must be at least one message.");
  for (size_t i = 0; i < messages.size(); ++i) reader.Message(i, messages[i]);
  return reader.Take();
}

}  // namespace puna
