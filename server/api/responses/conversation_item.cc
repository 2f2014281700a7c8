#include "server/api/responses/conversation_item.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "server/api/answer_writer.h"
#include "server/api/tools.h"

namespace puna {
namespace {

using Kind = ConversationItem::Kind;

constexpr size_t kMaxId = 64;

constexpr std::string_view kWhatIsRead =
    "items of the types 'message', 'function_call', 'function_call_output' and 'item_reference' are";

std::string_view IdPrefix(Kind kind) {
  switch (kind) {
    case Kind::kCall:
      return "fc_";
    case Kind::kOutput:
      return "fco_";
    default:
      return "msg_";
  }
}

// The id that the client gives the item, or a new one.
std::string ReadId(JsonReader& item, Kind kind) {
  std::string id = item.String("id").value_or("");
  if (id.empty()) return RandomId(IdPrefix(kind));
  if (id.size() > kMaxId || !IsIdentifier(id)) {
    RefuseValue(item.Path("id"),
                fmt::format("expected up to {} letters, digits, underscores and dashes.", kMaxId));
  }
  return id;
}

OrderedJson InputText(const std::string& text) { return {{"type", "input_text"}, {"text", text}}; }

OrderedJson OutputText(const std::string& text) {
  return {{"type", "output_text"},
          {"annotations", OrderedJson::array()},
          {"logprobs", OrderedJson::array()},
          {"text", text}};
}

// Adds the part to what was read, and its text to `text`.
void ReadPart(const std::string& path, const Json& json, bool by_assistant, OrderedJson& parts,
              std::string& text) {
  JsonReader part(json, path);
  const std::string& type = part.RequireString("type");
  for (const char* unsupported : {"input_image", "input_file", "input_audio"})
    if (type == unsupported) RefuseUnsupported(part.Path("type"), "this model reads text only");
  if (by_assistant && type == "refusal") {
    const std::string& refusal = part.RequireString("refusal");
    parts.push_back({{"type", "refusal"}, {"refusal", refusal}});
    text += refusal;
    return;
  }
  if (type != "input_text" && !(by_assistant && type == "output_text")) {
    RefuseValue(part.Path("type"),
                fmt::format("supported values are {}'input_text', but got '{}'.",
                            by_assistant ? "'output_text', 'refusal', " : "", Printable(type, 40)));
  }
  const std::string& read = part.RequireString("text");
  parts.push_back(by_assistant ? OutputText(read) : InputText(read));
  text += read;
}

// A string or parts; gives the parts back.
OrderedJson ReadContent(const std::string& path, const Json& content, bool by_assistant, std::string& text) {
  OrderedJson parts = OrderedJson::array();
  if (content.is_string()) {
    text = content.get<std::string>();
    parts.push_back(by_assistant ? OutputText(text) : InputText(text));
    return parts;
  }
  if (!content.is_array()) RefuseType(path, "a string or an array of parts", content);
  for (size_t i = 0; i < content.size(); ++i)
    ReadPart(fmt::format("{}[{}]", path, i), content[i], by_assistant, parts, text);
  return parts;
}

ConversationItem ReadMessageItem(JsonReader& item) {
  item.Require("role");
  const std::string role = *item.Enum("role", {"user", "assistant", "system", "developer"});
  ConversationItem read{Kind::kMessage, ReadId(item, Kind::kMessage), {}, {}, ""};
  read.message.role = role == "developer" ? "system" : role;
  OrderedJson content =
      ReadContent(item.Path("content"), item.Require("content"), role == "assistant", read.message.content);
  read.json = {{"id", read.id},
               {"type", "message"},
               {"status", "completed"},
               {"role", role},
               {"content", std::move(content)}};
  return read;
}

ConversationItem ReadCallItem(JsonReader& item) {
  const std::string& name = item.RequireString("name");
  const std::string& arguments = item.RequireString("arguments");
  ConversationItem read{Kind::kCall, ReadId(item, Kind::kCall), {}, {}, ""};
  read.message = {"assistant", CallText(name, arguments)};
  read.json = {{"id", read.id},
               {"type", "function_call"},
               {"status", "completed"},
               {"arguments", arguments},
               {"call_id", item.RequireString("call_id")},
               {"name", name}};
  return read;
}

ConversationItem ReadOutputItem(JsonReader& item) {
  ConversationItem read{Kind::kOutput, ReadId(item, Kind::kOutput), {}, {}, ""};
  read.message.role = "ipython";
  const Json& output = item.Require("output");
  OrderedJson parts = ReadContent(item.Path("output"), output, /*by_assistant=*/false, read.message.content);
  read.json = {{"id", read.id},
               {"type", "function_call_output"},
               {"status", "completed"},
               {"call_id", item.RequireString("call_id")},
               {"output", output.is_string() ? OrderedJson(read.message.content) : std::move(parts)}};
  return read;
}

ConversationItem ReadReference(JsonReader& item) {
  return {Kind::kReference, item.RequireString("id"), {}, {}, item.Path("id")};
}

ConversationItem ReadItem(const std::string& path, const Json& json) {
  JsonReader item(json, path);
  std::string type = item.String("type").value_or("");
  // Messages and references may go without.
  if (type.empty()) type = json.contains("role") || !json.contains("id") ? "message" : "item_reference";
  item.Enum("status", {"in_progress", "completed", "incomplete"});
  item.Enum("phase", {"commentary", "final_answer"});
  item.Object("caller");
  item.String("namespace");
  if (type == "message") return ReadMessageItem(item);
  if (type == "function_call") return ReadCallItem(item);
  if (type == "function_call_output") return ReadOutputItem(item);
  if (type == "item_reference") return ReadReference(item);
  RefuseUnsupported(item.Path("type"), kWhatIsRead);
}

}  // namespace

std::vector<ConversationItem> ReadInput(JsonReader& body) {
  const Json& input = body.Require("input");
  std::vector<ConversationItem> items;
  if (input.is_string()) {
    items.push_back(ReadItem("input", {{"role", "user"}, {"content", input}}));
    return items;
  }
  if (!input.is_array()) RefuseType("input", "a string or an array of items", input);
  if (input.empty()) RefuseValue("input", "the array must not be empty.");
  for (size_t i = 0; i < input.size(); ++i) items.push_back(ReadItem(fmt::format("input[{}]", i), input[i]));
  return items;
}

ConversationItem ReadStoredItem(const StoredItem& stored) {
  const OrderedJson json = OrderedJson::parse(stored.json, nullptr, /*allow_exceptions=*/false);
  try {
    ConversationItem item = ReadItem("", Json(json));
    item.json = json;  // with what the model does not see
    if (item.kind != Kind::kReference && item.id == stored.id) return item;
  } catch (const RequestError&) {
    // Not the fault of the request that asks for it.
  }
  throw Error("a stored item is damaged: " + Printable(stored.id, kMaxId));
}

void MakeIdsDiffer(std::vector<ConversationItem>& items) {
  std::set<std::string> seen;
  for (ConversationItem& item : items) {
    while (!seen.insert(item.id).second) item.id = RandomId(IdPrefix(item.kind));
    item.json["id"] = item.id;
  }
}

std::vector<ChatMessage> MessagesOf(std::span<const ConversationItem> items) {
  std::vector<ChatMessage> messages;
  Kind before = Kind::kOutput;
  for (const ConversationItem& item : items) {
    const bool goes_on = item.kind == Kind::kCall && !messages.empty() && messages.back().role == "assistant";
    if (goes_on) {
      std::string& said = messages.back().content;
      said += before == Kind::kCall ? "; " : said.empty() ? "" : "\n";
      said += item.message.content;
    } else {
      messages.push_back(item.message);
    }
    before = item.kind;
  }
  return messages;
}

}  // namespace puna
