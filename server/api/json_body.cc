#include "server/api/json_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace puna {
namespace {

std::string_view TypeName(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "an array";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::boolean:
      return "a boolean";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return "an integer";
    default:
      return "a decimal";
  }
}

[[noreturn]] void RefuseBody(const std::string& message) { throw RequestError(400, message); }

// The library's message without its own error code in front: it says line, column and what was expected, and
// may quote the body.
std::string Reason(const std::exception& error) {
  std::string_view text = error.what();
  if (const size_t end = text.find("] "); text.starts_with('[') && end != std::string_view::npos)
    text.remove_prefix(end + 2);
  return Printable(text, 300);
}

std::optional<int64_t> WholeNumber(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    return number <= INT64_MAX ? static_cast<int64_t>(number) : INT64_MAX;
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  if (number != std::floor(number)) return std::nullopt;
  // 2^63 and beyond do not convert; any range check refuses the ends as well.
  if (number >= 0x1p63) return INT64_MAX;
  if (number < -0x1p63) return INT64_MIN;
  return static_cast<int64_t>(number);
}

template <typename T>
void CheckRange(const std::string& path, std::string_view kind, T value, T min, T max) {
  if (value < min) {
    throw RequestError(
        400,
        fmt::format("Invalid '{}': {} below minimum value. Expected a value >= {}, but got {} instead.", path,
                    kind, min, value),
        path, fmt::format("{}_below_min_value", kind));
  }
  if (value > max) {
    throw RequestError(
        400,
        fmt::format("Invalid '{}': {} above maximum value. Expected a value <= {}, but got {} instead.", path,
                    kind, max, value),
        path, fmt::format("{}_above_max_value", kind));
  }
}

}  // namespace

Json ParseJsonBody(std::string_view body) {
  const auto limit_depth = [](int depth, Json::parse_event_t event, Json&) {
    const bool opens =
        event == Json::parse_event_t::array_start || event == Json::parse_event_t::object_start;
    if (opens && depth >= kMaxJsonDepth)
      RefuseBody(fmt::format("The request body is nested more than {} levels deep.", kMaxJsonDepth));
    return true;
  };
  if (body.empty()) RefuseBody("The request body is empty; expected a JSON object.");
  Json value;
  try {
    value = Json::parse(body, limit_depth);
  } catch (const Json::exception& error) {
    RefuseBody("The request body is not valid JSON: " + Reason(error));
  }
  if (!value.is_object())
    RefuseBody(fmt::format("The request body must be a JSON object, but it is {}.", TypeName(value)));
  return value;
}

bool IsIdentifier(std::string_view text) {
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
         std::string_view::npos;
}

JsonReader::JsonReader(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object_.is_object()) RefuseType(path_, "an object", object_);
}

const Json* JsonReader::Find(std::string_view name) {
  read_.emplace(name);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const Json& JsonReader::Require(std::string_view name) {
  const Json* value = Find(name);
  if (value != nullptr) return *value;
  const std::string path = Path(name);
  throw RequestError(400, fmt::format("Missing required parameter: '{}'.", path), path,
                     "missing_required_parameter");
}

std::optional<bool> JsonReader::Bool(std::string_view name) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) RefuseType(Path(name), "a boolean", *value);
  return value->get<bool>();
}

std::optional<int64_t> JsonReader::Integer(std::string_view name, int64_t min, int64_t max) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  const std::optional<int64_t> number = WholeNumber(*value);
  if (!number) RefuseType(Path(name), "an integer", *value);
  CheckRange(Path(name), "integer", *number, min, max);
  return number;
}

std::optional<double> JsonReader::Number(std::string_view name, double min, double max) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) RefuseType(Path(name), "a decimal", *value);
  const double number = value->get<double>();
  CheckRange(Path(name), "decimal", number, min, max);
  return number;
}

std::optional<std::string> JsonReader::String(std::string_view name) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) RefuseType(Path(name), "a string", *value);
  return value->get<std::string>();
}

const std::string& JsonReader::RequireString(std::string_view name) {
  const Json& value = Require(name);
  if (!value.is_string()) RefuseType(Path(name), "a string", value);
  return value.get_ref<const std::string&>();
}

const std::string& JsonReader::RequireIdentifier(std::string_view name, size_t at_most) {
  const std::string& text = RequireString(name);
  if (text.empty() || text.size() > at_most || !IsIdentifier(text)) {
    RefuseValue(Path(name),
                fmt::format("expected 1 to {} letters, digits, underscores and dashes.", at_most));
  }
  return text;
}

std::optional<std::string> JsonReader::Enum(std::string_view name,
                                            std::initializer_list<std::string_view> values) {
  auto value = String(name);
  if (!value || std::ranges::find(values, *value) != values.end()) return value;
  RefuseValue(Path(name), fmt::format("supported values are '{}', but got '{}'.", fmt::join(values, "', '"),
                                      Printable(*value, 40)));
}

const Json* JsonReader::Object(std::string_view name) {
  const Json* value = Find(name);
  if (value != nullptr && !value->is_object()) RefuseType(Path(name), "an object", *value);
  return value;
}

const Json* JsonReader::Array(std::string_view name, std::string_view of) {
  const Json* value = Find(name);
  if (value != nullptr && !value->is_array())
    RefuseType(Path(name), fmt::format("an array of {}", of), *value);
  return value;
}

std::string JsonReader::Path(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

std::vector<std::string> JsonReader::Unread() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : object_.items())
    if (!read_.contains(name)) names.push_back(name);
  return names;
}

void RefuseType(const std::string& path, std::string_view expected, const Json& found) {
  throw RequestError(
      400,
      fmt::format("Invalid type for '{}': expected {}, but got {} instead.", path, expected, TypeName(found)),
      path, "invalid_type");
}

void RefuseValue(const std::string& path, std::string_view what_is_wrong) {
  throw RequestError(400, fmt::format("Invalid '{}': {}", path, what_is_wrong), path, "invalid_value");
}

void RefuseUnsupported(const std::string& path, std::string_view what_works_instead) {
  std::string message = fmt::format("Unsupported parameter: '{}' is not supported by this server", path);
  message += what_works_instead.empty() ? "." : fmt::format("; {}.", what_works_instead);
  throw RequestError(400, message, path, "unsupported_parameter");
}

}  // namespace puna
