#pragma once

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace puna {

// The texts of a document that differ in the order of members and in how a whole number is written: a grammar
// has the members in one order only. At most `most` of them.
inline std::vector<std::string> JsonForms(const nlohmann::json& document, size_t most = 5000) {
  // All ways to put a piece of each list behind one another.
  const auto append = [most](std::vector<std::string>& texts, const std::string& between,
                             const std::vector<std::string>& next) {
    std::vector<std::string> longer;
    for (const std::string& text : texts)
      for (const std::string& more : next)
        if (longer.size() < most) longer.push_back(text + between + more);
    texts = std::move(longer);
  };
  const auto close = [](std::vector<std::string> texts, char bracket) {
    for (std::string& text : texts) text.push_back(bracket);
    return texts;
  };
  if (document.is_array()) {
    std::vector<std::string> texts = {"["};
    for (size_t i = 0; i < document.size(); ++i)
      append(texts, i > 0 ? "," : "", JsonForms(document[i], most));
    return close(std::move(texts), ']');
  }
  if (document.is_object()) {
    std::vector<std::string> names;
    for (const auto& [name, value] : document.items()) names.push_back(name);
    std::vector<std::string> all;
    do {
      std::vector<std::string> texts = {"{"};
      for (size_t i = 0; i < names.size(); ++i) {
        append(texts, (i > 0 ? "," : "") + nlohmann::json(names[i]).dump() + ":",
               JsonForms(document[names[i]], most));
      }
      for (std::string& text : close(std::move(texts), '}')) all.push_back(std::move(text));
    } while (all.size() < most && std::ranges::next_permutation(names).found);
    return all;
  }
  std::vector<std::string> texts = {document.dump()};
  if (document.is_number_float()) {
    const double number = document.get<double>();
    if (number == std::floor(number) && std::fabs(number) < 1e15)
      texts.push_back(std::to_string(static_cast<int64_t>(number)));
  }
  return texts;
}

}  // namespace puna
