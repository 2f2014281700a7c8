#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/api_error.h"

namespace puna {

using Json = nlohmann::json;

// Levels of arrays and objects in a request body. Real requests with JSON schemas inside stay below 20.
inline constexpr int kMaxJsonDepth = 64;

// The JSON object a request body is. Throws RequestError 400 with the place of the mistake for anything that
// is not JSON or not UTF-8, for numbers beyond the range of a double, nesting beyond kMaxJsonDepth (found
// before it is built), and values other than an object.
Json ParseJsonBody(std::string_view body);

// Has letters, digits, underscores and dashes alone.
bool IsIdentifier(std::string_view text);

// Reads the members of one JSON object with exact types and ranges. A member that is null counts as absent,
// as OpenAI's clients send null for what is not set. Every refusal is a RequestError 400 that names the
// field. Holds a reference to the object.
class JsonReader {
 public:
  // `path` is where the object lies: "" is the body, else "messages[0]".
  explicit JsonReader(const Json& object, std::string path = "");

  const Json* Find(std::string_view name);     // null if absent or null
  const Json& Require(std::string_view name);  // refuses absent and null
  std::optional<bool> Bool(std::string_view name);
  // Whole numbers are integers however they are written: 16 and 16.0. REQUIRES: min <= max.
  std::optional<int64_t> Integer(std::string_view name, int64_t min, int64_t max);
  std::optional<double> Number(std::string_view name, double min, double max);
  std::optional<std::string> String(std::string_view name);
  const std::string& RequireString(std::string_view name);
  // Of 1 to `at_most` characters that IsIdentifier takes.
  const std::string& RequireIdentifier(std::string_view name, size_t at_most);
  // One of a few strings.
  std::optional<std::string> Enum(std::string_view name, std::initializer_list<std::string_view> values);
  const Json* Object(std::string_view name);  // null if absent or null
  const Json* Array(std::string_view name, std::string_view of);
  std::string Path(std::string_view name) const;  // "max_tokens", "messages[0].content"
  std::vector<std::string> Unread() const;        // names of members nobody asked for

 private:
  const Json& object_;
  const std::string path_;
  std::set<std::string, std::less<>> read_;
};

// The 400s. `path` becomes `param`.
[[noreturn]] void RefuseType(const std::string& path, std::string_view expected, const Json& found);
[[noreturn]] void RefuseValue(const std::string& path, std::string_view what_is_wrong);
// For what OpenAI's API knows and this server does not do: refused, since ignoring it would change the
// answer.
[[noreturn]] void RefuseUnsupported(const std::string& path, std::string_view what_works_instead = "");

}  // namespace puna
