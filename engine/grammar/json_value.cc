#include "engine/grammar/json_value.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/grammar/grammar_error.h"

namespace puna {
namespace {

using Type = JsonValue::Type;

constexpr size_t kMaxDepth = 100;

// Builds the tree from the library's events.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonValue Take() { return std::move(root_); }

  bool null() override { return Put(JsonValue::Null()); }
  bool boolean(bool value) override { return Put(JsonValue::Boolean(value)); }
  bool number_integer(number_integer_t value) override {
    return PutNumber(static_cast<double>(value), std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return PutNumber(static_cast<double>(value), std::to_string(value));
  }
  bool number_float(number_float_t value, const string_t& /*text*/) override {
    return Put(JsonValue::Number(value));
  }
  bool string(string_t& value) override { return Put(JsonValue::String(std::move(value))); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(size_t /*size*/) override { return Open(Type::kObject); }
  bool end_object() override { return Close(); }
  bool start_array(size_t /*size*/) override { return Open(Type::kArray); }
  bool end_array() override { return Close(); }
  bool key(string_t& value) override {
    key_ = std::move(value);
    return true;
  }
  bool parse_error(size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::json::exception& error) override {
    throw GrammarError(std::string("it is not valid JSON: ") + Printable(error.what()));
  }

 private:
  JsonValue* Place(JsonValue value) {
    if (path_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    JsonValue& parent = *path_.back();
    if (parent.is(Type::kObject))
      return &parent.members.emplace_back(std::move(key_), std::move(value)).second;
    return &parent.items.emplace_back(std::move(value));
  }
  bool Put(JsonValue value) {
    Place(std::move(value));
    return true;
  }
  bool PutNumber(double number, std::string text) {
    JsonValue value = JsonValue::Of(Type::kNumber);
    value.number = number;
    value.text = std::move(text);
    return Put(std::move(value));
  }
  bool Open(Type type) {
    if (path_.size() >= kMaxDepth)
      throw GrammarError("it is nested more than " + std::to_string(kMaxDepth) + " levels deep");
    // Only the innermost open value grows, so that the addresses of those around it stay.
    path_.push_back(Place(JsonValue::Of(type)));
    return true;
  }
  bool Close() {
    path_.pop_back();
    return true;
  }

  JsonValue root_;
  std::vector<JsonValue*> path_;  // open arrays and objects
  std::string key_;
};

std::string NumberText(double value) { return nlohmann::json(value).dump(); }

}  // namespace

JsonValue::JsonValue() = default;
JsonValue::~JsonValue() = default;
JsonValue::JsonValue(const JsonValue&) = default;
JsonValue::JsonValue(JsonValue&&) noexcept = default;
JsonValue& JsonValue::operator=(const JsonValue&) = default;
JsonValue& JsonValue::operator=(JsonValue&&) noexcept = default;

JsonValue JsonValue::Null() { return JsonValue(); }
JsonValue JsonValue::Object() { return Of(Type::kObject); }

const JsonValue* JsonValue::Find(std::string_view name) const {
  for (auto member = members.rbegin(); member != members.rend(); ++member)
    if (member->first == name) return &member->second;
  return nullptr;
}

std::string JsonValue::Dump() const {
  switch (type) {
    case Type::kNull:
      return "null";
    case Type::kBoolean:
      return boolean ? "true" : "false";
    case Type::kNumber:
      return text;
    case Type::kString:
      return JsonQuoted(text);
    case Type::kArray: {
      std::string out = "[";
      for (const JsonValue& item : items) out += (out.size() > 1 ? "," : "") + item.Dump();
      return out + "]";
    }
    case Type::kObject: {
      std::string out = "{";
      for (const auto& [name, value] : members)
        out += (out.size() > 1 ? "," : "") + JsonQuoted(name) + ":" + value.Dump();
      return out + "}";
    }
  }
  return "";
}

bool JsonValue::operator==(const JsonValue& other) const {
  if (type != other.type) return false;
  switch (type) {
    case Type::kNull:
      return true;
    case Type::kBoolean:
      return boolean == other.boolean;
    case Type::kNumber:
      return number == other.number;
    case Type::kString:
      return text == other.text;
    case Type::kArray:
      return items == other.items;
    case Type::kObject:
      return members.size() == other.members.size() && std::ranges::all_of(members, [&](const auto& member) {
               const JsonValue* found = other.Find(member.first);
               return found != nullptr && *found == member.second;
             });
  }
  return false;
}

JsonValue JsonValue::Of(Type type) {
  JsonValue value;
  value.type = type;
  return value;
}

JsonValue JsonValue::Boolean(bool value) {
  JsonValue made = Of(Type::kBoolean);
  made.boolean = value;
  return made;
}

JsonValue JsonValue::String(std::string value) {
  JsonValue made = Of(Type::kString);
  made.text = std::move(value);
  return made;
}

JsonValue JsonValue::Number(double value) {
  JsonValue made = Of(Type::kNumber);
  made.number = value;
  // Whole numbers without a fraction, as they are usually written.
  const bool plain = value == std::floor(value) && std::fabs(value) < 1e15;
  made.text = plain ? std::to_string(static_cast<int64_t>(value)) : NumberText(value);
  return made;
}

JsonValue ParseJson(std::string_view text) {
  Builder builder;
  if (!nlohmann::json::sax_parse(text, &builder)) throw GrammarError("it is not valid JSON");
  return builder.Take();
}

std::string JsonQuoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace puna
