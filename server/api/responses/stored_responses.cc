#include "server/api/responses/stored_responses.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "server/api/json_body.h"
#include "server/api/token_json.h"
#include "server/http_query.h"

namespace puna {
namespace {

constexpr std::string_view kInputItems = "/input_items";

[[noreturn]] void RefuseUnknown(std::string_view id) {
  throw RequestError(404, fmt::format("Response with id '{}' not found.", Printable(id, 100)));
}

// From 1 to 100; 20 if the query does not say.
size_t ReadLimit(std::string_view query) {
  const auto text = QueryValue(query, "limit");
  if (!text) return 20;
  size_t limit = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, limit);
  if (error != std::errc() || stop != end || limit < 1 || limit > 100)
    RefuseValue("limit", "expected a whole number from 1 to 100.");
  return limit;
}

// The latest come first unless the query says otherwise.
bool ReadAscending(std::string_view query) {
  const std::string order = QueryValue(query, "order").value_or("desc");
  if (order != "asc" && order != "desc") RefuseValue("order", "supported values are 'asc', 'desc'.");
  return order == "asc";
}

HttpResponse ListInputItems(std::vector<StoredItem> items, std::string_view query) {
  const size_t limit = ReadLimit(query);
  if (!ReadAscending(query)) std::ranges::reverse(items);
  auto begin = items.begin();
  if (const auto after = QueryValue(query, "after")) {
    begin = std::ranges::find(items, *after, &StoredItem::id);
    if (begin == items.end())
      RefuseValue("after", fmt::format("there is no item '{}'.", Printable(*after, 100)));
    ++begin;
  }
  const bool has_more = static_cast<size_t>(items.end() - begin) > limit;
  const auto end = has_more ? begin + static_cast<std::ptrdiff_t>(limit) : items.end();
  const auto id = [&](auto item) { return begin == end ? OrderedJson(nullptr) : OrderedJson(item->id); };
  OrderedJson list = {{"object", "list"}, {"data", OrderedJson::array()}};
  list["first_id"] = id(begin);
  list["last_id"] = id(begin == end ? begin : std::prev(end));
  list["has_more"] = has_more;
  for (auto item = begin; item != end; ++item) list["data"].push_back(OrderedJson::parse(item->json));
  HttpResponse response;
  response.body = list.dump();
  return response;
}

}  // namespace

HttpResponse GetResponse(ResponseStore& store, const std::string& owner, const HttpRequest& http) {
  std::string_view id = std::string_view(http.path).substr(kResponsesPrefix.size());
  const bool lists_items = id.ends_with(kInputItems);
  if (lists_items) id.remove_suffix(kInputItems.size());
  auto stored = store.Get(owner, std::string(id));
  if (!stored) RefuseUnknown(id);
  if (lists_items) return ListInputItems(std::move(stored->input), http.query);
  if (QueryValue(http.query, "stream").value_or("false") != "false")
    RefuseUnsupported("stream", "a response that was made is sent as a whole");
  HttpResponse response;
  response.body = std::move(stored->json);
  return response;
}

HttpResponse DeleteResponse(ResponseStore& store, const std::string& owner, const HttpRequest& http) {
  const std::string id = http.path.substr(kResponsesPrefix.size());
  if (!store.Delete(owner, id)) RefuseUnknown(id);
  HttpResponse response;
  response.body = OrderedJson{{"id", id}, {"object", "response"}, {"deleted", true}}.dump();
  return response;
}

}  // namespace puna
